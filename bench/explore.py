"""How long `explore` takes for a command, against a round trip to the device without Binder."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from bench.rows import Row, in_turns, milliseconds
from bench.suite import Bench, Benchmark
from harness.explore.choosing.rules import RULES
from harness.explore.search import Limits, Search
from harness.explore.taking.actors import Actors, free_node

STEPS = 400
"""In each round: about a second."""


def _commands(bench: Bench) -> Iterator[Row]:
    actors = Actors(bench.device, free_node(bench.device))

    def explored() -> float:
        search = Search(actors, limits=Limits(steps=STEPS))
        search.run(tuple(RULES), seed=1)
        return 1e3 * search.seconds / search.commands

    with bench.device.process() as process:
        trip = functools.partial(milliseconds, lambda: process.syscall("getppid"))
        command, round_trip = in_turns(
            bench.rounds, [("a command of explore's", explored), ("a round trip", trip)]
        )
    yield Row("explore.command", "ms", command, round_trip)


BENCHMARKS = [Benchmark("explore.command", _commands)]
