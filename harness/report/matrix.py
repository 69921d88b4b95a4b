"""The document of a matrix: the claims on several devices, each with its own result document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator.errors import ExitCode
from harness.json_values import to_json
from harness.report import stored
from harness.report.document import Document
from harness.report.run import Failure, Run, gravest

SCHEMA = "binder-harness/matrix"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What came of one device."""

    target: str
    exit_code: ExitCode
    """What `verify` on it alone would have ended with."""
    failures: tuple[Failure, ...]
    """Why there is no device, or what befell it; empty where its run went to its end."""
    document: Document
    """Its results: of no device and without claims where none could be had."""

    @classmethod
    def of(cls, run: Run) -> Column:
        """The column of a run."""
        return cls(
            target=run.target,
            exit_code=run.exit_code,
            failures=tuple(run.failures),
            document=run.document(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What was asked of which devices, and what came of it on each."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    columns: tuple[Column, ...]
    """In the order in which the devices were named."""

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the devices': one that is lost or missing outweighs a deviation."""
        return gravest(column.exit_code for column in self.columns)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The devices' result documents."""
        return tuple(column.document for column in self.columns)

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; UsageError where that cannot be done."""
        stored.write(to_json(self), path)

    @classmethod
    def load(cls, path: Path) -> Matrix:
        """Read and check a document; UsageError, saying what is wrong, where it is none."""
        return stored.load(path, cls)
