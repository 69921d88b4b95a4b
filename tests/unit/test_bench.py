from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.__main__ import BENCHMARKS
from bench.rows import Figure, Row, in_turns
from bench.suite import Bench, Benchmark, chosen
from emulator.errors import HarnessError, UsageError


def test_measurements_take_turns() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    figures = in_turns(2, [("one", lambda: measure("one")), ("other", lambda: measure("other"))])
    assert order == ["one", "other", "one", "other"]
    assert figures == [Figure("one", (1.0, 3.0)), Figure("other", (2.0, 4.0))]


def test_a_ratio_is_one_of_medians() -> None:
    row = Row("a", "ms", Figure("slow", (30.0, 20.0, 1000.0)), Figure("quick", (10.0, 1.0, 11.0)))
    assert row.ratio == 3.0
    assert Row("a", "ms", Figure("alone", (1.0,))).ratio is None


def test_benchmarks_are_chosen_by_the_parts_of_their_names() -> None:
    names = [benchmark.name for benchmark in BENCHMARKS]
    assert len(set(names)) == len(names)
    assert chosen(BENCHMARKS, []) == BENCHMARKS
    assert [benchmark.name for benchmark in chosen(BENCHMARKS, ["start"])] == ["start.cold", "start.warm"]
    # `nodes.1000` is not the beginning of `nodes.10000`.
    assert [benchmark.name for benchmark in chosen(BENCHMARKS, ["nodes.1000"])] == ["nodes.1000"]
    with pytest.raises(UsageError, match=r"star is no benchmark.*start\.cold"):
        chosen(BENCHMARKS, ["start", "star"])


def test_what_cannot_be_measured_says_why_after_what_can() -> None:
    def measure(_: Bench) -> Iterator[Row]:
        yield Row("first", "ms", Figure("first", (1.0,)))
        raise HarnessError("the device has none")

    with Bench(1) as bench:
        rows = list(Benchmark("several", measure).rows(bench))
    assert [(row.name, row.failure) for row in rows] == [("first", ""), ("several", "the device has none")]
