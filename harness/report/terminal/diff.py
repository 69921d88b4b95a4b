"""Shows on a terminal what changed from one result document to another."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.experiments.core.figure import label
from harness.experiments.core.result import Result
from harness.kernel.concise import counted
from harness.report.comparison import ClaimRow, account, differing_facts
from harness.report.difference import DocumentPair
from harness.report.document import Document
from harness.report.labels import described, moment
from harness.report.summary import STYLES, lacks
from harness.report.terminal.layout import put

NOTHING = "-"
NAMED = 6
"""So many claims that only one document has are named; more of them are counted."""


def show(pair: DocumentPair, console: Console) -> None:
    """Print both devices, the facts and the claims that differ, and how many claims changed."""
    if pair.before is None or pair.after is None:
        sign, only = ("-", pair.before) if pair.before else ("+", pair.after)
        assert only is not None
        put(console, Text(f"{sign} {only.target}: {described(only.device)}: only here", "bold red"))
        return
    for sign, document in (("- ", pair.before), ("+ ", pair.after)):
        _show_device(sign, document, console)
    for fact in differing_facts([pair.before.device, pair.after.device]):
        text = f"{fact.name}: {' → '.join(text or NOTHING for text in fact.texts)}"
        put(console, Text(text, style="dim"), indent=2)
    for row in pair.changes:
        _show_change(row, console)
    console.print()
    put(console, Text(f"{counted(len(pair.judged_by_both), 'claim')}, {len(pair.changes) or 'none'} changed"))
    for when, claims in zip(("before", "after"), pair.only_in_one, strict=True):
        if claims:
            named = f": {', '.join(claims)}" if len(claims) <= NAMED else ""
            put(console, Text(f"{counted(len(claims), 'claim')} judged only {when}{named}", style="dim"))
    if pair.lost:
        put(console, Text(f"not judged any more: {', '.join(pair.lost)}", style="bold red"))


def show_judged_again(before: Document, after: Document, console: Console) -> None:
    """Print the device of a stored run, and the claims that are judged differently today."""
    changes = DocumentPair(before, after).changes
    _show_device("", before, console)
    for row in changes:
        _show_change(row, console)
    console.print()
    text = f"{counted(len(before.claims), 'claim')} judged again, {len(changes) or 'none'} differently"
    put(console, Text(text))


def _show_device(sign: str, document: Document, console: Console) -> None:
    """Print the target and the device of a document, when its run started, and what the run lacks."""
    target = Text.assemble((f"{sign}{document.target}", "bold"), ": ")
    put(console, target.append(f"{described(document.device)}, {moment(document.started)}"))
    for line in lacks(document):
        put(console, Text(line, style="bold red"), indent=2)


def _show_change(row: ClaimRow, console: Console) -> None:
    """Print a claim that both documents have: its verdicts, findings, and the figures that changed."""
    before, after = row.judged
    console.print()
    former, latter = _verdict(before), _verdict(after)
    verdicts = [former] if former == latter else [former, latter]
    put(console, Text.assemble((f"{row.id:<26}  ", "bold"), Text(" → ").join(verdicts)))
    for sign, result, style in (("-", before, "red"), ("+", after, "green")):
        if account(result):
            put(console, Text(account(result), style=style), indent=4, first=Text(f"  {sign} ", style=style))
    for name in row.figures:
        line = f"{label(name)}: {before.figures[name]} → {after.figures[name]}"
        put(console, Text(line, style="dim"), indent=4)


def _verdict(result: Result) -> Text:
    symbol, style = STYLES[result.verdict]
    text = Text(f"{symbol} {result.verdict}", style=style)
    if result.as_expected is False:
        text.append(", UNEXPECTED", style="bold red")
    return text
