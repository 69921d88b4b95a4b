"""The console of every view on a terminal: whatever a view shows, only printable text gets there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from emulator.base.printable import UNPRINTABLE, printable

PIPE_WIDTH = 140
"""Columns of output to a file or pipe, which has no width of its own.

COLUMNS is not asked: readline exports it into every program that is started from a Python prompt."""


class PrintableConsole(Console):
    """A console that makes each text printable before it lays it out, and ends no line with blanks."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(file=stream, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render a text, a table, or what else a view prints; cells of tables come here, too."""
        if isinstance(renderable, str):
            renderable = printable(renderable)
        elif isinstance(renderable, Text):
            renderable = printable_text(renderable)
        return _without_trailing_blanks(super().render(renderable, options))


def console_for(stream: TextIO) -> Console:
    """A console that colours only a terminal, honours NO_COLOR, and is wide for files and pipes."""
    console = PrintableConsole(stream)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def printable_text(text: Text) -> Text:
    """The text with its styles, made printable."""
    edges = {edge for found in UNPRINTABLE.finditer(text.plain) for edge in found.span()}
    safe = text.blank_copy()
    for piece in text.divide(sorted(edges)):
        piece.plain = printable(piece.plain)
        safe.append_text(piece)
    return safe


def _without_trailing_blanks(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The segments without the blanks before each end of a line, and at the very end."""
    blanks: list[Segment] = []
    for segment in segments:
        if segment.control:
            yield from (*blanks, segment)
            blanks = []
        elif segment.text == "\n":
            blanks = []
            yield segment
        elif not segment.text.rstrip(" "):
            blanks.append(segment)
        else:
            shown = segment.text.rstrip(" ")
            yield from (*blanks, Segment(shown, segment.style))
            blanks = [Segment(segment.text[len(shown) :], segment.style)] if shown != segment.text else []
