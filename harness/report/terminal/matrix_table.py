"""Shows a matrix on a terminal: a line for each claim, and each figure in which the devices differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, zip_longest

from rich.console import Console
from rich.text import Text

from harness.experiments.core.figure import Figure, label, without_unit
from harness.experiments.core.result import Result
from harness.report.comparison import ClaimRow, alike, claim_rows, differing_facts, numbered
from harness.report.labels import described, short_names
from harness.report.matrix import Matrix
from harness.report.summary import STYLES, conclusion, summary
from harness.report.terminal.layout import fits, legend, put, wrapped

CLAIM_WIDTH = 28
CELL_WIDTHS = range(4, 25)
LONGEST_VALUE = 240
"""The longest value of a figure, in characters, that is shown in a cell."""
HIGHEST_CELL = 4
"""The most lines of a cell, but for a heading's."""
UNEXPECTED = "UNEXPECTED"
MARK_OF_UNEXPECTED = "!"
"""Where a cell has no room for the word."""
MARK = "bold yellow not dim"


def show(matrix: Matrix, console: Console) -> None:
    """Print the devices, the facts in which they differ, the claims on each, and the outcome."""
    table = _MatrixTable(matrix, console)
    table.show_devices()
    table.show_legend()
    table.show_facts()
    for topic, rows in groupby(claim_rows(matrix.documents), key=lambda row: row.topic):
        table.show_topic(topic.heading, list(rows))
    console.print()
    put(console, conclusion(matrix))


class _MatrixTable:
    """A table without rules: the claim, then a cell for each device.

    Where a text of a row does not fit into its cell, the row is a line for each of its different texts
    instead, with the numbers of the devices.
    """

    def __init__(self, matrix: Matrix, console: Console) -> None:
        self._matrix = matrix
        self._console = console
        self._names = short_names(matrix.documents)
        room = (console.width - CLAIM_WIDTH) // max(1, len(matrix.columns))
        self._cell_width = min(max(room, CELL_WIDTHS[0]), CELL_WIDTHS[-1])
        self._words = self._cell_width > len(UNEXPECTED) + 2

    def show_devices(self) -> None:
        """Print for each device its number, target, facts, and the outcome of its run."""
        for number, column in enumerate(self._matrix.columns, start=1):
            text = Text.assemble((column.target, "bold"), f"  {described(column.document.device)}")
            if column.document.claims or column.document.interrupted:
                text.append("\n").append_text(summary(column.document))
            for failure in column.failures:
                text.append(f"\n{failure.message}", style="bold red")
            put(self._console, text, indent=3, first=Text(str(number), "bold"))

    def show_legend(self) -> None:
        """Print what the symbols mean."""
        results = [result for document in self._matrix.documents for result in document.claims]
        text = legend(result.verdict for result in results)
        if not self._words and any(result.as_expected is False for result in results):
            text.append("  ").append(f"{MARK_OF_UNEXPECTED} after another: unexpected", "bold red")
        put(self._console, text)

    def show_facts(self) -> None:
        """Print the facts in which the devices differ."""
        facts = differing_facts([document.device for document in self._matrix.documents])
        if facts:
            self._show_heading("Differences between the devices")
        for row in facts:
            self._show_cells(Text(row.name), [Text(text) for text in row.texts])

    def show_topic(self, title: str, rows: Sequence[ClaimRow]) -> None:
        """Print the claims of a topic."""
        self._show_heading(title)
        for row in rows:
            self._show_claim(row)

    def _show_heading(self, title: str) -> None:
        self._console.print()
        numbers = [Text(str(number), style="bold") for number, _ in enumerate(self._names, 1)]
        if fits([part for name in self._names for part in name], self._cell_width - 1):
            for number, name in zip(numbers, self._names, strict=True):
                number.append("".join(f"\n{part}" for part in name))
        self._put_cells(Text(title, style="bold"), numbers)

    def _show_claim(self, row: ClaimRow) -> None:
        style = "bold" if row.differs else "bold red" if row.unexpected else "dim"
        cells = [_cell(result, words=self._words) for result in row.results]
        self._show_cells(Text(row.id, style=style), cells)
        if not row.differs:
            return
        self._show_below(Text(row.statement, style="dim"))
        for name in row.figures:
            figures = [result.figures.get(name) if result else None for result in row.results]
            unit = next(figure.unit for figure in figures if figure)
            what = label(name)
            first = Text(f"  {what}" if not unit or unit in what else f"  {what}, {unit}")
            self._show_cells(first, _values(figures))
        if row.verdicts_differ and len(row.accounts) > 1:
            for line, numbers in row.accounts:
                self._show_below(Text(line), numbers=numbers)

    def _show_below(self, text: Text, *, numbers: Sequence[int] = (), indent: int = 4) -> None:
        """Print a text below a row, with the numbers of the devices that it is about."""
        first = Text(f"{numbered(numbers)}: " if numbers else "", "bold")
        put(self._console, first.append_text(text), indent=indent)

    def _show_cells(self, first: Text, cells: Sequence[Text]) -> None:
        width = self._cell_width - 1
        lines = [wrapped(cell, width) for cell in cells]
        if not fits([cell.plain for cell in cells], width) or max(map(len, lines)) > HIGHEST_CELL:
            self._show_in_lines(first, cells)
        else:
            self._put_cells(first, cells)

    def _put_cells(self, first: Text, cells: Sequence[Text]) -> None:
        """Print a row, each text in its cell."""
        lines = [wrapped(cell, self._cell_width - 1) for cell in cells]
        for parts in zip_longest(wrapped(first, CLAIM_WIDTH - 1), *lines, fillvalue=Text()):
            line = Text()
            for part, column in zip(parts, [CLAIM_WIDTH, *[self._cell_width] * len(cells)], strict=True):
                line.append_text(part).append(" " * max(column - part.cell_len, 0))
            line.rstrip()
            self._console.print(line, soft_wrap=True)

    def _show_in_lines(self, first: Text, cells: Sequence[Text]) -> None:
        """Print a row whose cells are too narrow: a line for each text, with the devices that have it."""
        put(self._console, first)
        for text, numbers in alike(cell.plain or None for cell in cells):
            self._show_below(Text(text), numbers=numbers)


def _cell(result: Result | None, *, words: bool) -> Text:
    """The verdict's symbol, and whether it is unexpected: in a word, or as an exclamation mark."""
    if result is None:
        return Text("-", style="dim")
    symbol, style = STYLES[result.verdict]
    text = Text(symbol, style=style)
    if result.as_expected is False:
        text.append(f" {UNEXPECTED}" if words else MARK_OF_UNEXPECTED, "bold red")
    return text


def _values(figures: Sequence[Figure | None]) -> list[Text]:
    """A figure's value on each device, without its unit, marked where it differs from the first one."""
    measured = [figure for figure in figures if figure is not None and figure.value is not None]
    cells = []
    for figure in figures:
        text = "" if figure is None or figure.value is None else without_unit(figure.value, figure.unit)
        short = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
        same = figure is None or figure.value is None or figure.value == measured[0].value
        cells.append(Text(short, "dim" if same else MARK))
    return cells
