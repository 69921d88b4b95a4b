"""The document of a matrix: the claims on several devices, each with its own result document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from emulator.base.errors import ExitCode
from harness.experiments.core.json_values import to_json
from harness.report import stored
from harness.report.document import Document
from harness.report.failure import Failure, gravest

SCHEMA = "binder-harness/matrix"
SCHEMA_VERSION = 2
AN_ERROR = "an error"
"""Stands where a signal's name would, were it a signal that ended the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The run on one device."""

    target: str
    exit_code: int
    """What `verify` on it alone would have ended with: an ExitCode, or 128 + the signal that ended it."""
    failures: tuple[Failure, ...]
    """Why there is no device, or how it was lost."""
    document: Document
    """Its results: without device and claims where none could be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The same claims on several devices."""

    made_by: ClassVar[str] = "binder-harness matrix --json FILE"

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    interrupted: str | None = None
    """What ended the whole before its time: a signal, such as SIGINT, or `an error`.

    Which error it was is among the failures of the devices that did not finish.
    """
    columns: tuple[Column, ...]
    """In the order in which the devices were named."""

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the devices that finished: a lost or missing one outweighs an unexpected
        result.
        """
        ended = (column for column in self.columns if column.document.interrupted is None)
        return gravest(ExitCode(column.exit_code) for column in ended)

    @property
    def asked(self) -> int:
        """How many claims were to be judged, on whichever device."""
        return len({claim for document in self.documents for claim in document.asked})

    @property
    def documents(self) -> tuple[Document, ...]:
        """The devices' result documents."""
        return tuple(column.document for column in self.columns)

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; UsageError where that cannot be done."""
        stored.write(to_json(self), path)

    def check(self, where: str) -> None:
        """Raise ValueError, naming the place, for what no run yields."""
        stored.check_distinct(
            [document.target for document in self.documents], f"{where}.columns[{{}}].target"
        )
        for place, document in enumerate(self.documents):
            document.check(f"{where}.columns[{place}].document")

    @classmethod
    def load(cls, path: Path) -> Matrix:
        """Read and check a document; UsageError, saying what is wrong, where it is none."""
        return stored.load(path, cls)
