"""Steps: one or more quantities that change from step to step, with an axis for each direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.pictures.canvas import WIDTH, Canvas, Picture
from harness.report.pictures.scale import Scale, quantity

LEFT, RIGHT, TOP, BOTTOM = 44, 12, 34, 40
HEIGHT = 150
"""Of the plot, in pixels."""
MOST_STAIRS = 400
CAPITAL = 8.6
"""The largest width of a capital letter, in pixels: commands are written in them."""


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity over the steps."""

    name: str
    values: Sequence[float]
    kind: str


def staircase(
    title: str,
    points: Sequence[tuple[float, float]],
    *,
    stair: float,
    x_unit: str,
    y_unit: str,
    x_name: str,
    y_name: str,
) -> Picture:
    """Measured points (x, y), on a staircase that climbs by one y at each `stair` of x."""
    said = "; ".join(f"{quantity(x, x_unit)}: {quantity(y, y_unit)}" for x, y in points)
    canvas = Canvas(title, said, TOP + HEIGHT + BOTTOM)
    across = Scale(max(x for x, _ in points), x_unit, LEFT, WIDTH - LEFT - RIGHT)
    up = Scale(max(y for _, y in points), y_unit, TOP + HEIGHT, -HEIGHT)
    _draw_axes(canvas, across, up, x_name, y_name)
    largest = max(x for x, _ in points)
    corners = [(across(0), up(0))]
    for step in range(min(math.ceil(largest / stair), MOST_STAIRS)):
        end = min((step + 1) * stair, largest)
        corners += [(across(step * stair), up(step + 1)), (across(end), up(step + 1))]
    canvas.line(*corners, kind="stairs")
    for x, y in points:
        canvas.dot(across(x), up(y), "fill first", hint=f"{quantity(x, x_unit)}: {quantity(y, y_unit)}")
    return canvas.picture()


def _draw_axes(canvas: Canvas, across: Scale, up: Scale, x_name: str, y_name: str) -> None:
    for value in up.ticks():
        canvas.line((LEFT, up(value)), (WIDTH - RIGHT, up(value)), kind="grid")
        canvas.text(up.label(value), LEFT - 6, up(value) + 4, "quiet", anchor="end")
    for value in across.ticks():
        canvas.line((across(value), TOP + HEIGHT), (across(value), TOP + HEIGHT + 4), kind="grid")
        anchor = "end" if across(value) > WIDTH - 40 else "middle"
        canvas.text(across.label(value), across(value), TOP + HEIGHT + 18, "quiet", anchor=anchor)
    canvas.text(y_name, 4, 14, "quiet")
    canvas.text(x_name, WIDTH - RIGHT, TOP + HEIGHT + 34, "quiet", anchor="end")


def steps(title: str, names: Sequence[str], series: Sequence[Series], unit: str) -> Picture:
    """A row for each step with a bar for each quantity: what happens, and what the counts are afterwards."""
    row = 22
    longest = max(len(name) for name in names)
    left = min(CAPITAL * longest + 14, WIDTH * 0.55)
    width = (WIDTH - left - RIGHT) / len(series)
    largest = max((value for each in series for value in each.values), default=1)
    said = [
        f"{name}: {', '.join(f'{each.name} {each.values[place]:g}' for each in series)}"
        for place, name in enumerate(names)
    ]
    canvas = Canvas(title, "; ".join(said), TOP + row * len(names) + 8)
    for column, each in enumerate(series):
        x = left + column * width
        canvas.text(f"{each.name}, {unit}" if unit else each.name, x, 14, "quiet")
        scale = Scale(largest, unit, x, width - 34)
        canvas.line((x, 22), (x, TOP + row * len(names)), kind="grid")
        for place, value in enumerate(each.values):
            y = TOP + row * place
            canvas.box(x, y - 8, scale(value) - x, 12, f"fill {each.kind}", hint=f"{names[place]}: {value:g}")
            canvas.text(f"{value:g}", scale(value) + 6, y + 2, "value")
    for place, name in enumerate(names):
        canvas.text(name, 4, TOP + row * place + 2, "label")
    return canvas.picture()
