"""The result document of a run; every other report is a view of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from harness.device.facts import Facts
from harness.experiments.core.figure import names_in
from harness.experiments.core.json_values import described, to_json
from harness.experiments.core.result import Result
from harness.experiments.core.source_documents import SourceDocument
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
    """The signal that interrupted the run, such as SIGTERM."""
    not_judged: tuple[str, ...] = ()
    """The requested claims that have no result, by id."""
    device: Facts | None
    """None where no device could be opened."""
    claims: tuple[Result, ...]
    stated_in: tuple[SourceDocument, ...] = ()
    """The texts that state its claims, by letter; none in a document of an early release."""

    @property
    def requested_claims(self) -> tuple[str, ...]:
        """The claims that the run was asked to judge, by id, as far as that is known."""
        return (*(result.id for result in self.claims), *self.not_judged)

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.started)).total_seconds()

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; SetupError where that cannot be done."""
        stored.write(to_json(self), path)

    def check(self, where: str) -> None:
        """Raise ValueError, with the field, for a document that no run writes."""
        if self.device is None and self.claims:
            raise ValueError(f"{where}.device is null, though claims were judged")
        for name, time in (("started", self.started), ("ended", self.ended)):
            _check_time(time, f"{where}.{name}")
        for index, result in enumerate(self.claims):
            missing = set(names_in(result.sentence)) - result.figures.keys()
            if missing:
                raise ValueError(f"{where}.claims[{index}].figures lacks {', '.join(sorted(missing))}")
        stored.check_distinct([result.id for result in self.claims], f"{where}.claims[{{}}].id")

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read and check a document; UsageError, with the reason, for any other file."""
        return stored.load(path, cls)


def _check_time(text: str, where: str) -> None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ValueError(f"{where} is {described(text)}, not a time with its zone")
