"""What all pictures are drawn on: shapes and texts with classes, which the page colours."""

from __future__ import annotations

from dataclasses import dataclass

import drawsvg

WIDTH = 420
"""In pixels: so much fits on a phone, and beside a text on a larger screen."""
SIZE = 12
"""Of letters, in pixels."""
LETTER = 6.7
"""The largest width of a letter of that size, in pixels, in the usual sans-serif fonts."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture."""

    title: str
    svg: str
    """An `<svg>` element, safe to put into a page: all texts in it are escaped."""


class Canvas:
    """A picture with a title and what it shows, which a screen reader reads instead of it."""

    def __init__(self, title: str, description: str, height: float, *, width: float = WIDTH) -> None:
        self._title = title
        self._drawing = drawsvg.Drawing(round(width), round(height), class_="picture", role="img")
        self._drawing.append_title(f"{title}: {description}")

    def text(self, text: str, x: float, y: float, kind: str = "", *, anchor: str = "start") -> None:
        """A text with its baseline at `y`; characters that XML does not allow are replaced."""
        shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
        self._drawing.append(drawsvg.Text(shown, SIZE, x, y, text_anchor=anchor, class_=kind))

    def box(self, x: float, y: float, width: float, height: float, kind: str, *, hint: str = "") -> None:
        """A rectangle, and what a pointer on it shows."""
        shape = drawsvg.Rectangle(x, y, max(width, 0), height, class_=kind)
        if hint:
            shape.append_title(hint)
        self._drawing.append(shape)

    def line(self, *points: tuple[float, float], kind: str) -> None:
        """A line through points."""
        (x, y), *others = points
        coordinates = [coordinate for point in others for coordinate in point]
        self._drawing.append(drawsvg.Lines(x, y, *coordinates, class_=kind, fill="none"))

    def dot(self, x: float, y: float, kind: str, *, hint: str = "") -> None:
        """A measured point."""
        shape = drawsvg.Circle(x, y, 4, class_=kind)
        if hint:
            shape.append_title(hint)
        self._drawing.append(shape)

    def arrow(self, start: float, end: float, y: float, kind: str) -> None:
        """A horizontal arrow."""
        back = end - 7 if end > start else end + 7
        self.line((start, y), (end, y), kind=kind)
        self.line((back, y - 4), (end, y), (back, y + 4), kind=f"{kind} head")

    def picture(self) -> Picture:
        """What was drawn."""
        return Picture(self._title, str(self._drawing.as_svg(header="")))
