"""Lines that fit the width: words stay whole, and what goes on below a first line is indented."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from harness.experiments.core.finding import Verdict
from harness.report.summary import STYLES
from harness.report.terminal.console import printable_text

NARROWEST = 24
"""Columns that a text gets at least, however narrow the terminal is."""


def put(console: Console, text: Text, *, indent: int = 0, first: Text | None = None) -> None:
    """Print a text in lines of the console's width, indented by `indent` columns.

    A word that is longer than a line stays whole. `first` stands before the first line, padded to `indent`
    columns; where it is longer, the text begins below it.
    """
    lines = wrapped(printable_text(text), max(console.width - indent, NARROWEST))
    start = Text(" " * indent)
    if first is not None:
        start = printable_text(first)
        if start.cell_len > indent:
            console.print(start, soft_wrap=True)
            start = Text(" " * indent)
        else:
            start.append(" " * (indent - start.cell_len))
    for line in lines:
        start.append_text(line)
        start.rstrip()
        console.print(start, soft_wrap=True)
        start = Text(" " * indent)


def wrapped(text: Text, width: int) -> list[Text]:
    """The text in lines of at most `width` columns, a longer word in a line of its own."""
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        breaks = []
        column = 0
        for found in re.finditer(r"\s*(\S+)", line.plain):
            if column and column + cell_len(found[0]) > width:
                breaks.append(found.start(1))
                column = cell_len(found[1])
            else:
                column += cell_len(found[0])
        lines += line.divide(breaks)
    for line in lines:
        line.rstrip()
    return lines


def shortened(text: str, width: int) -> str:
    """The text in one line of at most `width` columns: the words that do not fit are left out."""
    line = " ".join(text.split())
    if cell_len(line) <= width:
        return line
    words = line.split()
    while words and cell_len(" ".join(words)) + 2 > width:
        words.pop()
    return " ".join([*words, "…"])


def fits(texts: Iterable[str], width: int) -> bool:
    """Whether no word of the texts is wider than `width` columns."""
    return all(cell_len(word) <= width for text in texts for word in text.split())


def legend(verdicts: Iterable[Verdict]) -> Text:
    """What the symbols of these verdicts mean."""
    found = set(verdicts)
    kinds: dict[str, Text] = {}
    for verdict, (symbol, style) in STYLES.items():
        if symbol in kinds and verdict in found:
            kinds[symbol].append(f" or {verdict}")
        elif verdict in found:
            kinds[symbol] = Text(f"{symbol} {verdict}", style)
    return Text("  ").join(kinds.values())
