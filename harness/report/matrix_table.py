"""Shows a matrix on a terminal: a line for each claim, and each figure in which the devices differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emulator.base.errors import ExitCode
from harness.experiments.core.figure import Figure, label, without_unit
from harness.experiments.core.result import Result
from harness.report.comparison import ClaimRow, FactRow, claim_rows, differing_facts
from harness.report.labels import described, short_names
from harness.report.matrix import Matrix
from harness.report.terminal import STYLES, counted, summary

CLAIM_WIDTH = 28
CELL_WIDTHS = range(12, 25)
LONGEST_VALUE = 72
"""The longest value of a figure, in characters, that is shown in a cell."""
MARK = "bold yellow not dim"


def show(matrix: Matrix, console: Console) -> None:
    """Print the devices, the facts in which they differ, the claims on each, and the outcome."""
    table = _MatrixTable(matrix, console)
    table.show_devices()
    table.show_facts()
    for topic, rows in groupby(claim_rows(matrix.documents), key=lambda row: row.topic):
        table.show_topic(topic.heading, list(rows))
    console.print()
    console.print(conclusion(matrix))


def conclusion(matrix: Matrix) -> Text:
    """How many claims were judged on how many devices, and how many of them differ."""
    rows = claim_rows(matrix.documents)
    differing = sum(row.differs for row in rows)
    requested = len(matrix.requested_claims)
    claims = counted(requested, "claim")
    judged = claims if len(rows) == requested else f"{len(rows)} of {claims}"
    text = Text(f"{judged} on {counted(len(matrix.columns), 'device')}: ")
    if not rows:
        text.append("no claim was judged", style="bold red")
    else:
        text.append(f"differences in {differing}" if differing else "no difference")
        verdicts = sum(row.verdicts_differ for row in rows)
        if verdicts:
            text.append(f", {verdicts} of them in the verdict")
    unexpected = sum(row.unexpected for row in rows)
    failed = sum(bool(column.failures) for column in matrix.columns)
    if unexpected:
        text.append(", ").append(f"{unexpected} unexpected", style="bold red")
    if failed:
        text.append(", ").append(f"failures on {failed}", style="bold red")
    if matrix.interrupted is not None:
        made = sum(len(document.claims) for document in matrix.documents)
        all_judgements = sum(len(document.requested_claims) for document in matrix.documents)
        text.append(", ").append(
            f"interrupted by {matrix.interrupted} after {made} of {counted(all_judgements, 'judgement')}",
            style="bold red",
        )
    elif matrix.exit_code is ExitCode.AS_EXPECTED:
        text.append(", ").append("all as expected", style="bold green")
    return text


class _MatrixTable:
    """A table without rules: the claim, then a cell for each device."""

    def __init__(self, matrix: Matrix, console: Console) -> None:
        self._matrix = matrix
        self._console = console
        self._names = short_names(matrix.documents)
        room = (console.width - CLAIM_WIDTH) // max(1, len(matrix.columns))
        self._cell_width = min(max(room, CELL_WIDTHS[0]), CELL_WIDTHS[-1])

    def show_devices(self) -> None:
        """Print for each device its number, target, facts, and the outcome of its run."""
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
            self._show_heading("Differences between the devices")
        for row in facts:
            self._show_fact(row)

    def show_topic(self, title: str, rows: Sequence[ClaimRow]) -> None:
        """Print the claims of a topic."""
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

    def _show_claim(self, row: ClaimRow) -> None:
        style = "bold" if row.differs else "bold red" if row.unexpected else "dim"
        self._show_cells(Text(row.id, style=style), [_cell(result) for result in row.results])
        if not row.differs:
            return
        self._show_below(Text(row.statement, style="dim"))
        for name in row.figures:
            figures = [result.figures.get(name) if result else None for result in row.results]
            unit = next(figure.unit for figure in figures if figure)
            what = label(name)
            first = Text(f"  {what}" if not unit or unit in what else f"  {what}, {unit}")
            self._show_cells(first, _values(figures))
        accounts = row.accounts()
        if row.verdicts_differ and len(accounts) > 1:
            for line, indices in accounts.items():
                numbers = ", ".join(str(index + 1) for index in indices)
                self._show_below(Text.assemble((f"{numbers}: ", "bold"), line))

    def _show_below(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 0, 0, 4), expand=False))

    def _show_cells(self, first: Text, cells: Sequence[RenderableType]) -> None:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=CLAIM_WIDTH - 1, overflow="fold")
        for _ in cells:
            table.add_column(width=self._cell_width - 1, overflow="fold")
        table.add_row(first, *cells)
        self._console.print(table)


def _cell(result: Result | None) -> Text:
    """The verdict's symbol, and whether it is unexpected."""
    if result is None:
        return Text("-", style="dim")
    symbol, style = STYLES[result.verdict]
    text = Text(symbol, style=style)
    return text.append(" UNEXPECTED", "bold red") if result.as_expected is False else text


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
