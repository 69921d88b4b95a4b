"""The raw driver beside AOSP's own measurement of libbinder: what the library costs, and if ours is fair."""

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
"""binderThroughputTest counts in bytes, too; its pair of workers is a client and a server."""
WITHIN = 60.0
_RATE = re.compile(r"iterations per sec: ([\d.]+)")


def _rate(bench: Bench, size: int) -> float:
    command = [bench.throughput_test, "-p", "-w", "2", "-i", str(CALLS), "-s", str(size)]
    result = bench.device.run(command, deadline=Deadline(WITHIN))
    found = _RATE.search(result.output)
    if found is None:
        raise HarnessError(f"binderThroughputTest said {result.output + result.errors!r}")
    return float(found[1]) / 2  # it counts the iterations of the server, too, which makes none


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
