"""Draws a sequence diagram as one self-contained SVG, legible on light and dark backgrounds."""

from __future__ import annotations

from collections.abc import Mapping

import drawsvg

from harness.recording.diagram_parts import (
    Arrow,
    ArrowKind,
    Drawable,
    Lifeline,
    process_title,
    thread_title,
)

_LETTER = 6.6
"""The largest width of a label's letter in pixels, in the usual sans-serif fonts of 11 pixels."""
_TIMES = 84
_HEADER = 58
_BOX = 42
_ROW = 58
_MARGIN = 16
_NARROWEST = 110
_HEAD = 7

_STYLE = """
.hops { font: 11px system-ui, sans-serif; }
.hops .paper { fill: #ffffff; }
.hops .process { fill: #eef2f6; stroke: #59636e; }
.hops text { fill: #1f2328; }
.hops .title { font-weight: 600; }
.hops .quiet { fill: #59636e; }
.hops .lifeline { stroke: #59636e; stroke-dasharray: 1 3; }
.hops .arrow { stroke: #0550ae; stroke-width: 1.5; fill: none; }
.hops .one-way { stroke-dasharray: 6 4; }
.hops .reply { stroke: #59636e; }
.hops .refused { stroke: #b3261e; }
.hops .loss { fill: #b3261e; font-weight: 600; }
.hops .label { stroke: #ffffff; stroke-width: 3px; paint-order: stroke; }
@media (prefers-color-scheme: dark) {
  .hops .paper { fill: #0d1117; }
  .hops .process { fill: #1c2430; stroke: #9aa4af; }
  .hops text { fill: #e6edf3; }
  .hops .quiet { fill: #9aa4af; }
  .hops .arrow { stroke: #79b8ff; }
  .hops .lifeline, .hops .reply { stroke: #9aa4af; }
  .hops .refused { stroke: #ff8a80; }
  .hops .loss { fill: #ff8a80; }
  .hops .label { stroke: #0d1117; }
}
"""
"""Colours are written out: not every viewer of SVG supports CSS variables."""


def svg_of(diagram: Drawable) -> str:
    """The diagram as an `<svg>` element.

    One-way transactions are dashed, replies grey, and refused ones end in a cross. The times on the left are
    when they were sent.
    """
    spacing = _spacing(diagram)
    places = [_TIMES + spacing * (number + 0.5) for number in range(len(diagram.lifelines))]
    width = round(_TIMES + spacing * max(len(places), 1) + _MARGIN)
    top = _MARGIN + (20 if diagram.note else 0)
    height = top + _HEADER + _ROW * len(diagram.arrows) + 2 * _MARGIN
    drawing = drawsvg.Drawing(width, height, style="max-width: 100%; height: auto", class_="hops", role="img")
    drawing.append_title("Sequence diagram of Binder transactions")
    drawing.append_css(_STYLE)
    drawing.append(drawsvg.Rectangle(0, 0, width, height, rx=6, class_="paper"))
    if diagram.note:
        drawing.append(_text(diagram.note, _MARGIN, top - 8, "loss", anchor="start"))
    ends = iter(places)
    for threads in diagram.processes():
        _draw_process(drawing, {next(ends): thread for thread in threads}, spacing, top, height - _MARGIN)
    for row, arrow in enumerate(diagram.arrows):
        y = top + _HEADER + _ROW * (row + 0.75)
        drawing.append(_text(f"{arrow.sent:.3f} ms", _TIMES - 12, y + 4, "quiet", anchor="end"))
        _draw_arrow(drawing, arrow, places[arrow.sender], places[arrow.receiver], y)
    return str(drawing.as_svg(header=""))


def _spacing(diagram: Drawable) -> float:
    """Pixels from one lifeline to the next, so that each label has room between the ends of its arrow."""
    needed = [
        (_LETTER * max(map(len, _lines(arrow))) + 2 * _HEAD + 12) / max(abs(arrow.sender - arrow.receiver), 1)
        for arrow in diagram.arrows
    ]
    titles = [
        _LETTER * 1.1 * len(process_title(threads[0])) / len(threads) + 2 * _HEAD
        for threads in diagram.processes()
    ]
    return max([_NARROWEST, *needed, *titles])


def _lines(arrow: Arrow) -> list[str]:
    """The two lines above an arrow and the one below it."""
    return [arrow.interface or "", arrow.called, arrow.figures]


def _draw_process(
    drawing: drawsvg.Drawing, threads: Mapping[float, Lifeline], spacing: float, top: int, bottom: int
) -> None:
    """A box above the lifelines of a process, which are given by their horizontal positions."""
    left, right = min(threads) - spacing / 2 + 4, max(threads) + spacing / 2 - 4
    name = process_title(next(iter(threads.values())))
    drawing.append(drawsvg.Rectangle(left, top, right - left, _BOX, rx=4, class_="process"))
    drawing.append(_text(name, (left + right) / 2, top + 17, "title"))
    for x, thread in threads.items():
        drawing.append(_text(thread_title(thread), x, top + 33, "quiet"))
        drawing.append(drawsvg.Line(x, top + _BOX, x, bottom, class_="lifeline"))


def _draw_arrow(drawing: drawsvg.Drawing, arrow: Arrow, start: float, end: float, y: float) -> None:
    refused = " refused" if arrow.failed else ""
    direction = 1 if end > start else -1
    drawing.append(drawsvg.Line(start, y, end, y, class_=f"arrow {arrow.kind}{refused}"))
    head = "arrow reply" if arrow.kind is ArrowKind.REPLY else "arrow"  # never dashed
    if refused:
        for slope in (-5, 5):
            drawing.append(drawsvg.Line(end - 5, y - slope, end + 5, y + slope, class_=head + refused))
    else:
        back = end - direction * _HEAD
        drawing.append(drawsvg.Lines(back, y - 4, end, y, back, y + 4, class_=head))
    above, called, figures = _lines(arrow)
    middle = (start + end) / 2
    drawing.append(_text(above, middle, y - 18, "label quiet"))
    drawing.append(_text(called, middle, y - 5, "label"))
    drawing.append(_text(figures, middle, y + 13, "label quiet"))


def _text(text: str, x: float, y: float, kind: str, *, anchor: str = "middle") -> drawsvg.Text:
    """Text without characters that XML does not allow, which a process's name may contain."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return drawsvg.Text(shown, 11, x, y, text_anchor=anchor, class_=kind)
