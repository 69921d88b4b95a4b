"""Finds what changed from one result document to another, or between the devices of a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator.base.errors import UsageError, did_you_mean, reason_of
from harness.report import journal, stored
from harness.report.comparison import ClaimRow, claim_rows
from harness.report.document import Document
from harness.report.matrix import Matrix


@dataclass(frozen=True, slots=True)
class DocumentPair:
    """Two documents, one of which may be missing, and their differences."""

    before: Document | None
    after: Document | None

    @property
    def rows(self) -> list[ClaimRow]:
        """A row for each claim that either of the two has, with None where it has no result."""
        return claim_rows([document for document in (self.before, self.after) if document is not None])

    @property
    def judged_by_both(self) -> list[ClaimRow]:
        """The claims that both have a result of."""
        if self.before is None or self.after is None:
            return []
        return [row for row in self.rows if None not in row.results]

    @property
    def changes(self) -> list[ClaimRow]:
        """The claims whose verdict or figures changed."""
        return [row for row in self.judged_by_both if row.differs]

    @property
    def only_in_one(self) -> tuple[list[str], list[str]]:
        """The claims that were judged only before, and only after, by id."""
        if self.before is None or self.after is None:
            return [], []
        judged = [[result.id for result in document.claims] for document in (self.before, self.after)]
        former, latter = judged
        return [claim for claim in former if claim not in latter], [
            claim for claim in latter if claim not in former
        ]

    @property
    def lost(self) -> tuple[str, ...]:
        """The claims that were judged before, and that the later run was asked for but has no result of."""
        asked_for = () if self.after is None else self.after.not_judged
        return tuple(claim for claim in self.only_in_one[0] if claim in asked_for)

    @property
    def differs(self) -> bool:
        """Whether a claim changed or lost its result, or only one of the two has the device."""
        if self.before is None or self.after is None:
            return True
        opened = {document.device is not None for document in (self.before, self.after)}
        return len(opened) > 1 or bool(self.changes or self.lost)


def load(path: Path) -> Document | Matrix:
    """Read a result document, a matrix or a killed run's journal; UsageError, with the reason, for others."""
    left = journal.journal_of(path)
    try:
        if journal.is_journal(path):
            return journal.read(path)
        cut_short = not path.exists() and left.exists()
    except OSError as error:  # it is in a directory that may not be entered
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from error
    if cut_short:
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
        near = did_you_mean(target, documents)
        raise UsageError(f"The matrix has no device {target!r}.{near} It has: {', '.join(documents)}.")
    return documents[target]


def _by_target(document: Document | Matrix) -> dict[str, Document]:
    documents = document.documents if isinstance(document, Matrix) else (document,)
    return {document.target: document for document in documents}
