"""Shows a result document on a terminal: a table for each topic, then the outcome in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.report.document import Document

STYLES = {
    Verdict.CONFIRMED: ("✓", "green"),
    Verdict.REFUTED: ("✗", "magenta"),
    Verdict.CONDITIONAL: ("◐", "cyan"),
    Verdict.NOT_TESTABLE: ("·", "dim"),
    Verdict.LOST: ("!", "bold red"),
    Verdict.ERROR: ("!", "bold red"),
}


def show(document: Document, console: Console) -> None:
    """Print the claims by topic, those that are unexpected, and a summary in one line."""
    for topic, results in groupby(document.claims, key=lambda result: result.topic):
        console.print(Text(f"\n{topic.heading}", style="bold"))
        console.print(_table(results))
    unexpected = [result for result in document.claims if result.as_expected is False]
    if unexpected:
        console.print(Text("\nUnexpected", style="bold red"))
        for result in unexpected:
            console.print(Padding(Text.assemble((result.id, "bold"), "  ", result.explanation), (0, 0, 0, 2)))
    console.print()
    console.print(summary(document))


def summary(document: Document) -> Text:
    """How many claims have each verdict, and whether all are as expected."""
    counts = Counter(result.verdict for result in document.claims)
    text = Text()
    for verdict, (symbol, style) in STYLES.items():
        if counts[verdict]:
            text.append(f"{symbol} {counts[verdict]} {verdict}", style=style).append(", ")
    unexpected = sum(result.as_expected is False for result in document.claims)
    if not document.claims:
        text.append("no claim was judged", style="bold red")
    elif unexpected:
        text.append(f"{unexpected} unexpected", style="bold red")
    else:
        text.append(
            "all of these as expected" if document.interrupted else "all as expected", style="bold green"
        )
    text.append(f", in {document.seconds:.0f} s")
    for line in lacks(document):
        text.append(f"\n{line}", style="bold red" if document.interrupted else "")
    return text


def lacks(document: Document) -> Iterator[str]:
    """What a run lacks, a sentence each; nothing for a complete one."""
    if document.interrupted is not None:
        yield f"the run was interrupted by {document.interrupted}"
    if document.not_judged:
        lacking = len(document.not_judged)
        claims = counted(len(document.requested_claims), "claim")
        yield f"{lacking} of {claims} {'was' if lacking == 1 else 'were'} not judged"


def counted(count: int, noun: str) -> str:
    """A number and its noun, in the singular or the plural."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _table(results: Iterable[Result]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("claim", style="bold", no_wrap=True, min_width=26)
    table.add_column("verdict", no_wrap=True, min_width=21)
    table.add_column("statement and finding", ratio=1)
    for result in results:
        table.add_row(Text(result.id), _verdict(result), _account(result))
    return table


def _verdict(result: Result) -> Text:
    symbol, style = STYLES[result.verdict]
    text = Text(f"{symbol} {result.verdict}", style=style)
    if result.as_expected is not None:
        text.append(
            "\n  as expected" if result.as_expected else "\n  UNEXPECTED",
            style="dim" if result.as_expected else "bold red",
        )
    return text


def _account(result: Result) -> Text:
    text = Text(result.statement, style="dim")
    # The whole reason of an unexpected result is below the table.
    reason = result.reason.partition("\n")[0] if result.as_expected is False else result.reason
    for label, content in (
        ("measured", result.measured),
        ("what is true", result.what_is_true),
        ("reason", reason),
    ):
        if content:
            text.append(f"\n{label}: ", style="cyan not dim").append(content, style="not dim")
    return text
