"""The one document that a run yields; every other report is a view of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.claims.judge import Result
from harness.facts import Facts
from harness.json_values import to_json
from harness.report import stored

SCHEMA = "binder-harness/results"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was asked of which device, and what came of it."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    target: str
    started: str
    """In UTC, ISO 8601."""
    ended: str
    interrupted: str | None = None
    """The signal that ended the run before its time, such as SIGTERM; a run that went to its end lacks this.

    So the documents of such runs are as they were before there was this field, and both read the others.
    """
    device: Facts | None
    """None where no device could be had."""
    claims: tuple[Result, ...]

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.started)).total_seconds()

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; UsageError where that cannot be done."""
        value = to_json(self)
        assert isinstance(value, dict)
        if self.interrupted is None:
            del value["interrupted"]
        stored.write(value, path)

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read and check a document; UsageError, saying what is wrong, where it is none."""
        return stored.load(path, cls)
