"""Medians and their spread over sizes, on a logarithmic scale, for several ways of doing the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.pictures.canvas import WIDTH, Canvas, Picture

LEFT, RIGHT, HEIGHT, BOTTOM, LEGEND = 58, 16, 190, 40, 22
KINDS = ("first", "second", "third", "fourth", "fifth")
"""The classes of the series, in their order; each has a colour and a pattern of dashes."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What repeated measurements came to: their median and quartiles."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Way:
    """A series: one value for each size, None where it was not measured."""

    name: str
    spreads: Sequence[Spread | None]


def log_lines(title: str, sizes: Sequence[str], ways: Sequence[Way], unit: str) -> Picture:
    """The chart; a vertical stroke at each median reaches from quartile to quartile."""
    measured = [spread for way in ways for spread in way.spreads if spread]
    least = math.floor(math.log10(min(spread.low for spread in measured)))
    most = math.ceil(math.log10(max(spread.high for spread in measured)))
    lines = -(-len(ways) // 3)
    top = LEGEND * lines + 26
    canvas = Canvas(title, _said(sizes, ways, unit), top + HEIGHT + BOTTOM)

    def up(value: float) -> float:
        return top + HEIGHT * (1 - (math.log10(value) - least) / max(most - least, 1))

    def across(place: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.25) / (len(sizes) - 0.5)

    for power in range(least, max(most, least + 1) + 1):
        canvas.line((LEFT, up(10.0**power)), (WIDTH - RIGHT, up(10.0**power)), kind="grid")
        canvas.text(f"{10.0**power:,g}", LEFT - 6, up(10.0**power) + 4, "quiet", anchor="end")
    canvas.text(unit, LEFT - 6, top - 12, "quiet", anchor="end")
    for place, size in enumerate(sizes):
        canvas.text(size, across(place), top + HEIGHT + 18, "quiet", anchor="middle")
    canvas.text("payload of a message", WIDTH - RIGHT, top + HEIGHT + 34, "quiet", anchor="end")
    for number, (way, kind) in enumerate(zip(ways, KINDS, strict=False)):
        left, y = 8 + number % 3 * 140, 10 + LEGEND * (number // 3)
        canvas.line((left, y), (left + 22, y), kind=f"series {kind}")
        canvas.text(way.name, left + 28, y + 4, "quiet")
        points = [(across(place), spread) for place, spread in enumerate(way.spreads) if spread]
        canvas.line(*((x, up(spread.median)) for x, spread in points), kind=f"series {kind}")
        for x, spread in points:
            canvas.line((x, up(spread.low)), (x, up(spread.high)), kind=f"stroke {kind}")
            hint = f"{way.name}: {_digits(spread.median)} {unit}"
            canvas.dot(x, up(spread.median), f"fill {kind}", hint=hint)
    return canvas.picture()


def _said(sizes: Sequence[str], ways: Sequence[Way], unit: str) -> str:
    described = []
    for way in ways:
        values = zip(sizes, way.spreads, strict=True)
        medians = [f"{size} {_digits(spread.median)} {unit}" for size, spread in values if spread]
        described.append(f"{way.name}: {', '.join(medians)}")
    return "; ".join(described)


def _digits(value: float) -> str:
    """A number with at least three digits and without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
