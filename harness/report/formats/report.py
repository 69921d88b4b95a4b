"""What every format shows: a result document or a matrix, and the failures that a document does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import ExitCode
from harness.experiments.core.source_documents import SourceDocument, source_documents
from harness.report.document import Document
from harness.report.failure import Failure, gravest
from harness.report.matrix import Column, Matrix

if TYPE_CHECKING:
    from harness.report.pictures.benchmarks import Benchmarks


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one run or several."""

    content: Document | Matrix
    failures: tuple[Failure, ...] = ()
    """Of a single device: why there is none, or how it was lost. A matrix holds those of its devices."""
    benchmarks: Benchmarks | None = None
    """Times of Binder and its alternatives, for the page of a single device."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The runs of the devices, each with its failures."""
        if isinstance(self.content, Matrix):
            return self.content.columns
        unexpected = any(result.as_expected is False for result in self.content.claims)
        codes = [ExitCode.UNEXPECTED] * unexpected + [failure.exit_code for failure in self.failures]
        return (
            Column(
                target=self.content.target,
                exit_code=gravest(codes),
                failures=self.failures,
                document=self.content,
            ),
        )

    def stated_in(self) -> list[SourceDocument]:
        """The documents that results can name: those stored with them, and, for early releases, our own."""
        stored = [document for column in self.columns for document in column.document.stated_in]
        found = source_documents() | {document.letter: document for document in stored}
        return sorted(found.values(), key=lambda document: document.letter)


def lost_claims(column: Column) -> tuple[tuple[str, str], ...]:
    """The claims of a run that have no result, by id, each with the reason."""
    document = column.document
    reason = f"the run was interrupted by {document.interrupted}" if document.interrupted else "not judged"
    if column.failures:
        reason = column.failures[-1].message
    return tuple((claim, reason) for claim in document.not_judged)
