"""Finds what changed from one result document to another, and shows it on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from emulator.base.errors import UsageError
from harness.experiments.core.figure import label
from harness.experiments.core.result import Result
from harness.report import journal, stored
from harness.report.comparison import ClaimRow, account, claim_rows, differing_facts
from harness.report.document import Document
from harness.report.labels import described
from harness.report.matrix import Matrix
from harness.report.terminal import STYLES, counted, lacks

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class DocumentPair:
    """Two documents, one of which may be missing, and their differences."""

    before: Document | None
    after: Document | None

    @property
    def changes(self) -> list[ClaimRow]:
        """The claims whose verdict or figures changed, or that are in only one of the two."""
        documents = [document for document in (self.before, self.after) if document is not None]
        return [row for row in claim_rows(documents) if row.differs or None in row.results]

    @property
    def differs(self) -> bool:
        """Whether any claim differs."""
        return self.before is None or self.after is None or bool(self.changes)


def load(path: Path) -> Document | Matrix:
    """Read a result document, a matrix or a killed run's journal; UsageError, with the reason, for others."""
    if journal.is_journal(path):
        return journal.read(path)
    left = journal.journal_of(path)
    if not path.exists() and left.exists():
        raise UsageError(
            f"{path} does not exist: its run did not end. What it judged so far is in {left}: "
            f"binder-harness judge {left} --json {path}"
        )
    found = stored.load(path, Document, Matrix)
    assert isinstance(found, Document | Matrix)
    return found


def document_pairs(before: Document | Matrix, after: Document | Matrix) -> list[DocumentPair]:
    """The documents to compare: two of single devices, or those of the same target in two matrices."""
    if isinstance(before, Document) and isinstance(after, Document):
        return [DocumentPair(before, after)]
    former, latter = _by_target(before), _by_target(after)
    targets = dict.fromkeys([*former, *latter])
    return [DocumentPair(former.get(target), latter.get(target)) for target in targets]


def column_of(matrix: Matrix, target: str) -> Document:
    """The document of one device of a matrix; UsageError, with the matrix's targets, where it has none."""
    documents = _by_target(matrix)
    if target not in documents:
        raise UsageError(f"The matrix has no device {target!r}. It has: {', '.join(documents)}.")
    return documents[target]


def show(pair: DocumentPair, console: Console) -> None:
    """Print both devices, the facts and the claims that differ, and how many claims changed."""
    if pair.before is None or pair.after is None:
        sign, only = ("-", pair.before) if pair.before else ("+", pair.after)
        assert only is not None
        console.print(Text(f"{sign} {only.target}: {described(only.device)}: only here", style="bold red"))
        return
    for sign, document in (("- ", pair.before), ("+ ", pair.after)):
        _show_device(sign, document, console)
    for fact in differing_facts([pair.before.device, pair.after.device]):
        console.print(
            Text(f"  {fact.name}: {' → '.join(text or NOTHING for text in fact.texts)}", style="dim")
        )
    for row in pair.changes:
        _show_change(row, console)
    count = len(claim_rows([pair.before, pair.after]))
    console.print(f"\n{counted(count, 'claim')}, {len(pair.changes) or 'none'} changed")


def show_judged_again(before: Document, after: Document, console: Console) -> None:
    """Print the device of a stored run, and the claims that are judged differently today."""
    changes = DocumentPair(before, after).changes
    _show_device("", before, console)
    for row in changes:
        _show_change(row, console)
    console.print(
        f"\n{counted(len(before.claims), 'claim')} judged again, {len(changes) or 'none'} differently"
    )


def _show_device(sign: str, document: Document, console: Console) -> None:
    """Print the target and the device of a document, when its run started, and what the run lacks."""
    console.print(
        Text.assemble(
            (f"{sign}{document.target}", "bold"), f": {described(document.device)}, {document.started}"
        )
    )
    for line in lacks(document):
        console.print(Text(f"  {line}", style="bold red"))


def _show_change(row: ClaimRow, console: Console) -> None:
    before, after = row.results
    console.print()
    former, latter = _verdict(before), _verdict(after)
    verdicts = [former] if former == latter else [former, latter]
    console.print(Text.assemble((f"{row.id:<26}  ", "bold"), Text(" → ").join(verdicts)))
    for sign, result, style in (("-", before, "red"), ("+", after, "green")):
        if result is not None and account(result):
            console.print(Padding(Text(f"{sign} {account(result)}", style=style), (0, 0, 0, 2), expand=False))
    if before is not None and after is not None:
        for name in row.figures:
            line = f"{label(name)}: {before.figures[name]} → {after.figures[name]}"
            console.print(Padding(Text(line, style="dim"), (0, 0, 0, 4), expand=False))


def _verdict(result: Result | None) -> Text:
    if result is None:
        return Text("not judged", style="dim")
    symbol, style = STYLES[result.verdict]
    text = Text(f"{symbol} {result.verdict}", style=style)
    if result.as_expected is False:
        text.append(", UNEXPECTED", style="bold red")
    return text


def _by_target(document: Document | Matrix) -> dict[str, Document]:
    documents = document.documents if isinstance(document, Matrix) else (document,)
    return {document.target: document for document in documents}
