"""Binder's raw driver against Linux's other ways to send bytes between processes, in one guest."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.rows import Figure, Row, in_turns
from bench.suite import Bench, Benchmark
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError

COPIES = {"binder": 1, "pipe": 2, "socket": 2, "queue": 2, "memory": 0}
"""Of each byte, as the claims copy.binder-one, copy.others-two and copy.shm-zero find by tracing."""
LABELS = {"binder": "Binder", "queue": "System V queue", "memory": "shared memory, futex"}
SIZES = {0: 400, 4096: 400, 65536: 200, 1 << 20: 10}
"""Bytes of a message, and how many messages are sent in one run."""
TIME_LIMIT = 60.0
BUSY = "Resource busy"
"""EBUSY in musl's words: the driver releases a context manager after its end, one of 100,000 nodes later."""
KIB = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """The output of one run of ipc_bench."""

    median: float
    """Microseconds until the reply, or for one-way messages until the sender's call returns."""
    rate: float
    """Messages a second from all clients, as the server counts them."""


def run(bench: Bench, *arguments: str | int) -> Run:
    """Run ipc_bench; raises HarnessError, with its output, where it fails."""
    command = [bench.ipc_bench, *map(str, arguments)]
    deadline = Deadline(TIME_LIMIT)
    result = bench.device.run(command, deadline=deadline)
    while BUSY in result.errors and not deadline.expired:
        result = bench.device.run(command, deadline=deadline)
    words = result.output.split()
    if result.status != 0 or len(words) != 5:
        raise HarnessError(f"{shlex.join(command)}: status {result.status}, {result.errors or result.output}")
    return Run(float(words[1]) / 1e3, float(words[4]))


def compared(bench: Bench, ways: Sequence[str], *arguments: str | int) -> dict[str, tuple[Figure, Figure]]:
    """The medians in µs and the rates of each transport, from runs in turns."""
    rates: dict[str, list[float]] = {way: [] for way in ways}

    def once(way: str) -> float:
        result = run(bench, way, *arguments)
        rates[way].append(result.rate)
        return result.median

    medians = in_turns(bench.rounds, [(way, functools.partial(once, way)) for way in ways])
    return {
        way: (Figure(LABELS.get(way, way), median.values), Figure(LABELS.get(way, way), tuple(rates[way])))
        for way, median in zip(ways, medians, strict=True)
    }


def _message(bench: Bench, *, size: int, one_way: bool) -> Iterator[Row]:
    """The latency and the rate of Binder, against those of each other transport."""
    way = ["--one-way"] if one_way else []
    figures = compared(bench, list(COPIES), "--bytes", size, "--calls", SIZES[size], *way)
    latency, rate = figures["binder"]
    kind = "one-way" if one_way else "call"
    for other, (other_latency, other_rate) in figures.items():
        if other != "binder":
            copies = f"{COPIES['binder']} : {COPIES[other]}"
            name, beside = f"{kind}.{sized(size)}", f"beside {other_latency.name}"
            yield Row(f"{name}, latency {beside}", "µs", latency, other_latency, copies=copies)
            yield Row(f"{name}, throughput {beside}", "per s", rate, other_rate, copies=copies)


def sized(size: int) -> str:
    """A number of bytes with its unit."""
    if size >= KIB * KIB:
        return f"{size // KIB // KIB}MiB"
    return f"{size // KIB}KiB" if size else "0B"


BENCHMARKS = [
    Benchmark(
        f"{'one-way' if one_way else 'call'}.{sized(size)}",
        functools.partial(_message, size=size, one_way=one_way),
    )
    for one_way in (False, True)
    for size in SIZES
]
