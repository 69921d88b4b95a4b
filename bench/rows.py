"""A benchmark row: a figure and its reference, measured in turns because a machine's load changes."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """Repeated measurements of one thing."""

    name: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and the third quartile; the extremes of fewer than four values."""
        if len(self.values) < 4:
            return min(self.values), max(self.values)
        low, _, high = statistics.quantiles(self.values, n=4)
        return low, high


@dataclass(frozen=True, slots=True)
class Row:
    """A figure and its reference, both in `unit`, or the reason for none."""

    name: str
    """What no other row has: by it, the row is found in a baseline and in an earlier run."""
    unit: str = ""
    measured: Figure | None = None
    reference: Figure | None = None
    most: float | None = None
    """The target: the largest ratio that is acceptable."""
    copies: str = ""
    """Copies of each byte, as `measured : reference`, where the two differ in that."""
    failure: str = ""

    @property
    def ratio(self) -> float | None:
        """The median divided by that of the reference."""
        if self.measured is None or self.reference is None:
            return None
        return self.measured.median / self.reference.median

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one, False where a figure is missing."""
        if self.most is None:
            return None
        return self.ratio is not None and self.ratio <= self.most


def milliseconds(action: Callable[[], object]) -> float:
    """How long one run of an action takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1e3


def exponent(curve: Mapping[int, Figure]) -> Figure:
    """The power of its size with which a figure grows, for each turn: the slope of the logarithms.

    1 is proportional, 0 independent. By least squares over all sizes, which are not 0.
    """
    sizes = [math.log(size) for size in curve]
    middle = statistics.fmean(sizes)
    spread = sum((size - middle) ** 2 for size in sizes)
    turns = zip(*(figure.values for figure in curve.values()), strict=True)
    slopes = (
        sum((size - middle) * math.log(value) for size, value in zip(sizes, values, strict=True)) / spread
        for values in turns
    )
    return Figure("exponent", tuple(slopes))


def in_turns(rounds: int, measurements: Sequence[tuple[str, Callable[[], float]]]) -> list[Figure]:
    """Take every measurement once in each round, so that a change of load affects all of them."""
    values: dict[str, list[float]] = {name: [] for name, _ in measurements}
    for _ in range(rounds):
        for name, measure in measurements:
            values[name].append(measure())
    return [Figure(name, tuple(series)) for name, series in values.items()]
