"""Shows a result document on a terminal: a table for each section, then what it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.experiments.core.claim import Verdict
from harness.experiments.core.judge import Result
from harness.report.document import Document

PIPE_WIDTH = 140
"""Columns where the output goes to a file or pipe, which has no width of its own."""

STYLES = {
    Verdict.CONFIRMED: ("✓", "green"),
    Verdict.REFUTED: ("✗", "magenta"),
    Verdict.CONDITIONAL: ("◐", "cyan"),
    Verdict.NOT_TESTABLE: ("·", "dim"),
    Verdict.LOST: ("!", "bold red"),
    Verdict.ERROR: ("!", "bold red"),
}


def console_for(stream: TextIO) -> Console:
    """A console that colours only a terminal, honours NO_COLOR, and gives files and pipes room."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def show(document: Document, console: Console) -> None:
    """Print the claims by section, what deviates, and one line that sums up."""
    for section, results in groupby(document.claims, key=lambda result: result.section):
        console.print(Text(f"\n{section}", style="bold"))
        console.print(_table(results))
    deviating = [result for result in document.claims if result.as_known is False]
    if deviating:
        console.print(Text("\nNot as known", style="bold red"))
        for result in deviating:
            console.print(Padding(Text.assemble((result.id, "bold"), "  ", result.explanation), (0, 0, 0, 2)))
    console.print()
    console.print(summary(document))


def summary(document: Document) -> Text:
    """How many claims came to what, and whether all is as known."""
    counts = Counter(result.verdict for result in document.claims)
    text = Text()
    for verdict, (symbol, style) in STYLES.items():
        if counts[verdict]:
            text.append(f"{symbol} {counts[verdict]} {verdict}", style=style).append(", ")
    deviations = sum(result.as_known is False for result in document.claims)
    if not document.claims:
        text.append("no claim was judged", style="bold red")
    elif deviations:
        text.append(f"{deviations} not as known", style="bold red")
    else:
        text.append("all of these as known" if document.interrupted else "all as known", style="bold green")
    text.append(f", in {document.seconds:.0f} s")
    for line in lacks(document):
        text.append(f"\n{line}", style="bold red" if document.interrupted else "")
    return text


def lacks(document: Document) -> Iterator[str]:
    """What the run did not come to, a sentence each: nothing, where it went to its end."""
    if document.interrupted is not None:
        yield f"{document.interrupted} ended the run before its time"
    if document.not_judged:
        lacking = len(document.not_judged)
        asked = counted(len(document.asked), "claim")
        yield f"{lacking} of the {asked} {'was' if lacking == 1 else 'were'} not judged"


def counted(count: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _table(results: Iterable[Result]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("claim", style="bold", no_wrap=True, min_width=26)
    table.add_column("verdict", no_wrap=True, min_width=21)
    table.add_column("said and measured", ratio=1)
    for result in results:
        table.add_row(result.id, _verdict(result), _account(result))
    return table


def _verdict(result: Result) -> Text:
    symbol, style = STYLES[result.verdict]
    text = Text(f"{symbol} {result.verdict}", style=style)
    if result.as_known is not None:
        text.append(
            "\n  as known" if result.as_known else "\n  UNEXPECTED",
            style="dim" if result.as_known else "bold red",
        )
    return text


def _account(result: Result) -> Text:
    text = Text(result.statement, style="dim")
    reason = result.reason.partition("\n")[0]
    for label, said in (("measured", result.measured), ("instead", result.instead), ("reason", reason)):
        if said:
            text.append(f"\n{label}: ", style="cyan not dim").append(said, style="not dim")
    return text
