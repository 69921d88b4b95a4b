"""Binder's driver in Rust against the one in C: calls and one-way messages, on one kernel, in turns."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from bench.rows import Figure, Row, in_turns
from bench.suite import Bench, Benchmark
from bench.transports import SIZES, run, sized
from emulator.target import parse_target

TARGETS = {"in C": "embedded?kernel=7.3", "in Rust": "embedded?driver=rust"}
"""One kernel, 7.3, with either driver."""


def _message(bench: Bench, *, size: int, one_way: bool) -> Iterator[Row]:
    """The latency and the rate of the driver in Rust, against those of the one in C."""
    way = ["--one-way"] if one_way else []
    rates: dict[str, list[float]] = {name: [] for name in TARGETS}
    with (
        Bench(bench.rounds, parse_target(TARGETS["in C"])) as in_c,
        Bench(bench.rounds, parse_target(TARGETS["in Rust"])) as in_rust,
    ):

        def once(name: str, on: Bench) -> float:
            result = run(on, "binder", "--bytes", size, "--calls", SIZES[size], *way)
            rates[name].append(result.rate)
            return result.median

        devices = {"in C": in_c, "in Rust": in_rust}
        c, rust = in_turns(
            bench.rounds, [(name, functools.partial(once, name, on)) for name, on in devices.items()]
        )
    name = f"drivers.{'one-way' if one_way else 'call'}.{sized(size)}"
    yield Row(f"{name}, latency", "µs", Figure("in Rust", rust.values), Figure("in C", c.values))
    yield Row(
        f"{name}, throughput",
        "per s",
        Figure("in Rust", tuple(rates["in Rust"])),
        Figure("in C", tuple(rates["in C"])),
    )


BENCHMARKS = [
    Benchmark(
        f"drivers.{'one-way' if one_way else 'call'}.{sized(size)}",
        functools.partial(_message, size=size, one_way=one_way),
    )
    for one_way in (False, True)
    for size in SIZES
]
