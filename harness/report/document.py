"""The one document that a run yields; every other report is a view of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from harness.device.facts import Facts
from harness.experiments.core.json_values import to_json
from harness.experiments.core.result import Result
from harness.report import stored

SCHEMA = "binder-harness/results"
SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Which claims were judged on which device, and their results."""

    made_by: ClassVar[str] = "binder-harness verify --json FILE"

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    target: str
    started: str
    """In UTC, ISO 8601."""
    ended: str
    interrupted: str | None = None
    """The signal that ended the run before its time, such as SIGTERM."""
    not_judged: tuple[str, ...] = ()
    """The claims that were to be judged and have no result, by id."""
    device: Facts | None
    """None where no device could be opened."""
    claims: tuple[Result, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The claims that were to be judged, by id, as far as that was known beforehand."""
        return (*(result.id for result in self.claims), *self.not_judged)

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.started)).total_seconds()

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; UsageError where that cannot be done."""
        stored.write(to_json(self), path)

    def check(self, where: str) -> None:
        """Raise ValueError, naming the place, for what no run yields."""
        if self.device is None and self.claims:
            raise ValueError(f"{where}.device is null, though claims were judged")
        stored.check_distinct([result.id for result in self.claims], f"{where}.claims[{{}}].id")

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read and check a document; UsageError, saying what is wrong, where it is none."""
        return stored.load(path, cls)
