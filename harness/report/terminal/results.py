"""Shows a result document on a terminal: a line for each claim, then what is unexpected, and the outcome."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.text import Text

from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.report.document import Document
from harness.report.labels import described
from harness.report.summary import STYLES, summary
from harness.report.terminal.layout import legend, put, shortened

WIDE = 100
"""From this width on, in columns, the verdicts stand there in words, too."""
VERDICT_WIDTH = 21


def show(document: Document, console: Console, *, accounts: bool = False) -> None:
    """Print the device, the claims by topic, why some are not testable, what is unexpected, and a summary.

    A claim takes one line. With `accounts`, the whole statement is shown, with what was measured, and what is
    true instead.
    """
    put(console, Text.assemble((f"Binder on {document.target}: ", "bold"), described(document.device)))
    if document.claims:
        put(console, legend(result.verdict for result in document.claims))
    ids = max((len(result.id) for result in document.claims), default=0) + 2
    for topic, results in groupby(document.claims, key=lambda result: result.topic):
        console.print()
        put(console, Text(topic.heading, style="bold"))
        for result in results:
            _show_claim(result, console, ids, accounts=accounts)
    if not accounts:
        _show_reasons(document, console)
    unexpected = [result for result in document.claims if result.as_expected is False]
    if unexpected:
        console.print()
        put(console, Text("Unexpected", style="bold red"))
        for result in unexpected:
            put(console, Text(f"  {result.id}", style="bold"))
            put(console, Text(result.explanation), indent=4)
    console.print()
    put(console, summary(document))


def _show_reasons(document: Document, console: Console) -> None:
    """Why claims are not testable here, each reason once."""
    claims: dict[str, list[str]] = {}
    for result in document.claims:
        if result.verdict is Verdict.NOT_TESTABLE and result.as_expected is None:
            claims.setdefault(result.reason.strip(), []).append(result.id)
    if claims:
        console.print()
        put(console, Text("Not testable here", style="bold"))
    for reason, ids in claims.items():
        put(console, Text(f"  {', '.join(ids)}", style="bold"), indent=0)
        put(console, Text(reason), indent=4)


def _show_claim(result: Result, console: Console, ids: int, *, accounts: bool) -> None:
    first = Text.assemble(_verdict(result, words=console.width >= WIDE), (f"{result.id:<{ids}}", "bold"))
    unexpected = Text("UNEXPECTED ", "bold red") if result.as_expected is False else Text()
    if not accounts:
        statement = shortened(result.statement, console.width - first.cell_len - unexpected.cell_len)
        put(console, Text.assemble(first, unexpected, statement))
        return
    indent = first.cell_len if console.width >= WIDE else 4
    put(console, unexpected.append(result.statement), indent=indent, first=first)
    # The whole reason of an unexpected result is below all claims.
    reason = result.reason.partition("\n")[0] if result.as_expected is False else result.reason
    for label, content in (
        ("measured", result.measured),
        ("what is true", result.what_is_true),
        ("reason", reason),
    ):
        if content:
            put(console, Text.assemble((f"{label}: ", "cyan"), content), indent=indent)


def _verdict(result: Result, *, words: bool) -> Text:
    symbol, style = STYLES[result.verdict]
    return Text(f"{symbol} {result.verdict:<{VERDICT_WIDTH}}" if words else f"{symbol} ", style=style)
