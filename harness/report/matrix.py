"""The document of a matrix: the claims on several devices, each with its own result document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from emulator.base.errors import ExitCode
from harness.experiments.core.json_values import described, to_json
from harness.report import stored
from harness.report.document import Document
from harness.report.failure import Failure, gravest

SCHEMA = "binder-harness/matrix"
SCHEMA_VERSION = 2
AN_ERROR = "an error"
"""The value of `Matrix.interrupted` where an error, not a signal, ended the matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The run on one device."""

    target: str
    exit_code: int
    """The exit status of `verify` on this device: an ExitCode, or 128 + the signal that ended it."""
    failures: tuple[Failure, ...]
    """Why there is no device, or how it was lost."""
    document: Document
    """Its results; without device and claims where the device could not be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The same claims on several devices."""

    made_by: ClassVar[str] = "binder-harness matrix --json FILE"

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    interrupted: str | None = None
    """What interrupted the matrix: a signal, such as SIGINT, or `an error`.

    The error is among the failures of the devices that did not finish.
    """
    columns: tuple[Column, ...]
    """In the order of the targets on the command line."""

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the devices that finished."""
        ended = (column for column in self.columns if column.document.interrupted is None)
        return gravest(ExitCode(column.exit_code) for column in ended)

    @property
    def requested_claims(self) -> set[str]:
        """The claims that were to be judged on any of the devices, by id."""
        return {claim for document in self.documents for claim in document.requested_claims}

    @property
    def documents(self) -> tuple[Document, ...]:
        """The devices' result documents."""
        return tuple(column.document for column in self.columns)

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; SetupError where that cannot be done."""
        stored.write(to_json(self), path)

    def check(self, where: str) -> None:
        """Raise ValueError, with the field, for a document that no run writes."""
        stored.check_distinct(
            [document.target for document in self.documents], f"{where}.columns[{{}}].target"
        )
        for index, column in enumerate(self.columns):
            column.document.check(f"{where}.columns[{index}].document")
            if column.document.interrupted is None and column.exit_code not in set(ExitCode):
                raise ValueError(
                    f"{where}.columns[{index}].exit_code is {described(column.exit_code)}, "
                    "which no run that finished ends with"
                )

    @classmethod
    def load(cls, path: Path) -> Matrix:
        """Read and check a matrix; UsageError, with the reason, for any other file."""
        return stored.load(path, cls)
