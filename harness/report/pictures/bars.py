"""Bars to scale: a line of text above each, its parts in their colours, and an axis with its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.pictures.canvas import LETTER, WIDTH, Canvas, Picture
from harness.report.pictures.scale import BYTES, Scale, quantity

ROW = 44
BAR = 16
MARGIN = 8
AXIS = 40
LEGEND = 22


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar."""

    value: float
    kind: str
    """Its class: `first`, `second`, `third`, or `rest` for what is left."""
    name: str = ""
    """What it is; the legend has it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, with what it shows in words."""

    label: str
    parts: Sequence[Part]
    text: str = ""
    """What stands at the right, above the bar; its whole value, if empty."""


def bars(title: str, rows: Sequence[Bar], unit: str, *, about: str = "") -> Picture:
    """The chart; what it shows is also its description."""
    largest = max((sum(part.value for part in row.parts) for row in rows), default=0)
    legend = list(dict.fromkeys((part.kind, part.name) for row in rows for part in row.parts if part.name))
    top = MARGIN + (LEGEND * _legend_lines(legend) if legend else 0)
    height = top + ROW * len(rows) + AXIS
    said = [f"{row.label}, {_text(row, unit)}" for row in rows]
    canvas = Canvas(title, f"{about} {'; '.join(said)}".strip(), height)
    _draw_legend(canvas, legend)
    scale = Scale(largest, unit, MARGIN, WIDTH - 2 * MARGIN)
    bottom = top + ROW * len(rows)
    _draw_axis(canvas, scale, top, bottom)
    for place, row in enumerate(rows):
        y = top + ROW * place
        text = _text(row, unit)
        canvas.text(_beside(row.label, text), MARGIN, y + 14, "label")
        canvas.text(text, WIDTH - MARGIN, y + 14, "value", anchor="end")
        x = 0.0
        for part in row.parts:
            width = scale(x + part.value) - scale(x)
            hint = f"{part.name or row.label}: {quantity(part.value, unit)}"
            canvas.box(scale(x), y + 20, width, BAR, f"fill {part.kind}", hint=hint)
            x += part.value
    return canvas.picture()


def _beside(label: str, text: str) -> str:
    """A label, cut short where it would run into the text at the right."""
    most = int((WIDTH - 2 * MARGIN) / LETTER) - len(text) - 1
    if len(label) <= most:
        return label
    return f"{label[: max(most - 1, 0)].rstrip(' ·')}…"


def _text(row: Bar, unit: str) -> str:
    return row.text or quantity(sum(part.value for part in row.parts), unit)


def _places(legend: Sequence[tuple[str, str]]) -> list[tuple[int, float]]:
    """The line and the column of each entry."""
    places = []
    line, x = 0, float(MARGIN)
    for _, name in legend:
        width = 16 + LETTER * len(name) + 14
        if x > MARGIN and x + width > WIDTH:
            line, x = line + 1, float(MARGIN)
        places.append((line, x))
        x += width
    return places


def _legend_lines(legend: Sequence[tuple[str, str]]) -> int:
    return _places(legend)[-1][0] + 1


def _draw_legend(canvas: Canvas, legend: Sequence[tuple[str, str]]) -> None:
    for (kind, name), (line, x) in zip(legend, _places(legend), strict=True):
        canvas.box(x, MARGIN + LEGEND * line, 10, 10, f"fill {kind}")
        canvas.text(name, x + 16, MARGIN + LEGEND * line + 9, "quiet")


def _draw_axis(canvas: Canvas, scale: Scale, top: float, bottom: float) -> None:
    for value in scale.ticks():
        canvas.line((scale(value), top), (scale(value), bottom + 4), kind="grid")
        anchor = "start" if value == 0 else "middle" if scale(value) < WIDTH - 40 else "end"
        canvas.text(scale.label(value), scale(value), bottom + 18, "quiet", anchor=anchor)
    if scale.unit != BYTES:  # whose ticks have units of their own
        canvas.text(scale.unit, WIDTH - MARGIN, bottom + 32, "quiet", anchor="end")
