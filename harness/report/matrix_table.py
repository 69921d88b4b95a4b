"""Shows a matrix on a terminal: where its devices agree in a line, where they differ at length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emulator.base.errors import ExitCode
from harness.experiments.core.judge import Result
from harness.report.comparison import FactRow, Row, differing_facts, rows_of, said
from harness.report.labels import described, short_names
from harness.report.matrix import Matrix
from harness.report.sentences import Common, clauses, common, lasting
from harness.report.terminal import STYLES, counted, summary

CLAIM_WIDTH = 28
CELL_WIDTHS = range(12, 25)
MARK = "bold yellow not dim"
FIGURES_IN_CELLS = 3
"""So many figures that differ stand in the cells; where more do, each sentence is shown."""


def show(matrix: Matrix, console: Console) -> None:
    """Print the devices, what is different about them, the claims on each, and what it comes to."""
    table = _MatrixTable(matrix, console)
    table.show_devices()
    table.show_facts()
    for section, rows in groupby(rows_of(matrix.documents), key=lambda row: row.section):
        table.show_section(section, list(rows))
    console.print()
    console.print(conclusion(matrix))


def conclusion(matrix: Matrix) -> Text:
    """On how many devices how many claims were judged, and how many of these differ."""
    rows = rows_of(matrix.documents)
    differing = sum(row.differs for row in rows)
    asked = counted(matrix.asked, "claim")
    judged = asked if len(rows) == matrix.asked else f"{len(rows)} of {asked}"
    text = Text(f"{judged} on {counted(len(matrix.columns), 'device')}: ")
    if not rows:
        text.append("no claim was judged", style="bold red")
    else:
        text.append(f"differences in {differing}" if differing else "no difference")
    deviating = sum(row.deviates for row in rows)
    failed = sum(bool(column.failures) for column in matrix.columns)
    if deviating:
        text.append(", ").append(f"{deviating} not as known", style="bold red")
    if failed:
        text.append(", ").append(f"failures on {failed}", style="bold red")
    if matrix.interrupted is not None:
        made = sum(len(document.claims) for document in matrix.documents)
        wanted = sum(len(document.asked) for document in matrix.documents)
        text.append(", ").append(
            f"{matrix.interrupted} ended the run before its time, "
            f"after {made} of {counted(wanted, 'judgement')}",
            style="bold red",
        )
    elif matrix.exit_code is ExitCode.AS_EXPECTED:
        text.append(", ").append("all as known", style="bold green")
    return text


class _MatrixTable:
    """Lines of one layout: the claim, then a cell for each device."""

    def __init__(self, matrix: Matrix, console: Console) -> None:
        self._matrix = matrix
        self._console = console
        self._names = short_names(matrix.documents)
        room = (console.width - CLAIM_WIDTH) // max(1, len(matrix.columns))
        self._cell_width = min(max(room, CELL_WIDTHS[0]), CELL_WIDTHS[-1])

    def show_devices(self) -> None:
        """Print for each device its number, target, facts, and what its run came to."""
        for number, column in enumerate(self._matrix.columns, start=1):
            text = Text.assemble(
                (f"{number}  {column.target}", "bold"), f"  {described(column.document.device)}"
            )
            if column.document.claims or column.document.interrupted:
                text.append("\n").append_text(summary(column.document))
            for failure in column.failures:
                text.append(f"\n{failure.message}", style="bold red")
            self._console.print(text)

    def show_facts(self) -> None:
        """Print the facts in which the devices differ."""
        facts = differing_facts([document.device for document in self._matrix.documents])
        if facts:
            self._show_heading("What differs in the devices")
        for row in facts:
            self._show_fact(row)

    def show_section(self, title: str, rows: Sequence[Row]) -> None:
        """Print the claims of a section."""
        self._show_heading(title)
        for row in rows:
            self._show_claim(row)

    def _show_heading(self, title: str) -> None:
        self._console.print()
        numbered = [
            Text("\n".join([str(number), *name]), style="bold") for number, name in enumerate(self._names, 1)
        ]
        self._show_cells(Text(title, style="bold"), numbered)

    def _show_fact(self, row: FactRow) -> None:
        self._show_cells(Text(row.name), [Text(text) for text in row.texts])

    def _show_claim(self, row: Row) -> None:
        if not row.differs:
            style = "bold red" if row.deviates else "dim"
            self._show_cells(Text(row.id, style=style), [_cell(result) for result in row.results])
            return
        shared = common([lasting(said(result)) for result in row.judged], figures=FIGURES_IN_CELLS)
        of_each = shared.figures if shared else ((),) * len(row.judged)
        figures = iter(of_each)
        cells = [
            _cell(result, next(figures), of_each[0]) if result else _cell(None) for result in row.results
        ]
        self._show_cells(Text(row.id, style="bold"), cells)
        self._console.print(Padding(Text(row.statement, style="dim"), (0, 0, 0, 4), expand=False))
        for line in _sentences(row, shared):
            self._console.print(Padding(line, (0, 0, 0, 4), expand=False))

    def _show_cells(self, first: Text, cells: Sequence[RenderableType]) -> None:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=CLAIM_WIDTH - 1, overflow="fold")
        for _ in cells:
            table.add_column(width=self._cell_width - 1, overflow="fold")
        table.add_row(first, *cells)
        self._console.print(table)


def _cell(result: Result | None, figures: Sequence[str] = (), first: Sequence[str] = ()) -> Text:
    """The verdict's symbol and the figures that differ between devices, marked where not the first one's."""
    if result is None:
        return Text("-", style="dim")
    symbol, style = STYLES[result.verdict]
    text = Text(f"{symbol} ", style=style)
    marked = (
        Text(figure, "dim" if figure == other else MARK) for figure, other in zip(figures, first, strict=True)
    )
    lines = [*marked, Text("UNEXPECTED", "bold red")] if result.as_known is False else [*marked]
    return text.append_text(Text("\n  ").join(lines))


def _sentences(row: Row, shared: Common | None) -> Iterator[Text]:
    """What the devices said: once, if only figures in the cells differ; else each sentence, and of whom."""
    if shared:
        yield Text(shared.sentence)
        return
    numbered = [(number, said(result)) for number, result in enumerate(row.results, start=1) if result]
    by_content: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for number, sentence in numbered:
        by_content.setdefault(clauses(sentence), []).append((number, lasting(sentence)))
    for group in by_content.values():
        numbers = ", ".join(str(number) for number, _ in group)
        yield Text.assemble((f"{numbers}: ", "bold"), group[0][1])
