"""The raw driver against AOSP's own benchmark of libbinder: the library's cost, and a check of ours."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from bench.rows import Row, in_turns
from bench.suite import Bench, Benchmark
from bench.transports import run, sized
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError

CALLS = 400
SIZES = (0, 4096, 65536)
"""In bytes, as for binderThroughputTest, whose two workers are a client and a server."""
TIME_LIMIT = 60.0
_RATE = re.compile(r"iterations per sec: ([\d.]+)")


def _rate(bench: Bench, size: int) -> float:
    command = [bench.throughput_test, "-p", "-w", "2", "-i", str(CALLS), "-s", str(size)]
    result = bench.device.run(command, deadline=Deadline(TIME_LIMIT))
    found = _RATE.search(result.output)
    if found is None:
        raise HarnessError(f"binderThroughputTest printed {result.output + result.errors!r}")
    return float(found[1]) / 2  # it also counts the iterations of the server, which makes no calls


def _calls(bench: Bench, *, size: int) -> Iterator[Row]:
    raw, library = in_turns(
        bench.rounds,
        [
            ("raw driver", lambda: run(bench, "binder", "--bytes", size, "--calls", CALLS).rate),
            ("binderThroughputTest", lambda: _rate(bench, size)),
        ],
    )
    yield Row(f"libbinder.{sized(size)}, throughput", "per s", raw, library)


BENCHMARKS = [Benchmark(f"libbinder.{sized(size)}", functools.partial(_calls, size=size)) for size in SIZES]
