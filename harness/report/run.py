"""Gathers, from what pytest reports, the result document and exit status of a run.

With xdist the tests run in other processes, and their reports are all that arrives: so whatever a run has
to know travels as a note on a report.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.errors import ExitCode
from harness.claims.claim import CLAIMS
from harness.claims.judge import Result
from harness.facts import Facts
from harness.json_values import Json, from_json, to_json
from harness.report.document import Document, harness_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a device could not be had, or was lost: the error's message and its exit code."""

    message: str
    exit_code: ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What one test report tells beside its outcome."""

    device: Facts | None = None
    """A device was opened."""
    result: Result | None = None
    """A claim was judged."""
    failure: Failure | None = None

    def to_json(self) -> Json:
        """As it travels."""
        return to_json(self)

    @classmethod
    def from_json(cls, value: Json) -> Note:
        """As it arrived."""
        return from_json(cls, value, where="a report's note")


class Run:
    """What is known of a run so far."""

    def __init__(self, target: str, started: datetime) -> None:
        self.target = target
        self.started = started
        self.facts: Facts | None = None
        """Of the first device; the others of a run are like it."""
        self.results: dict[str, Result] = {}
        """By claim; the latest of each."""
        self.failures: list[Failure] = []

    def take(self, note: Note) -> None:
        """Add what a report tells."""
        self.facts = self.facts or note.device
        if note.result is not None:
            self.results[note.result.id] = note.result
        if note.failure is not None and note.failure not in self.failures:
            self.failures.append(note.failure)

    @property
    def exit_code(self) -> ExitCode:
        """The exit status: a lost or missing device outweighs a deviation."""
        codes = {failure.exit_code for failure in self.failures}
        for code in (ExitCode.DEVICE_LOST, ExitCode.SETUP_MISSING, ExitCode.USAGE):
            if code in codes:
                return code
        deviates = any(result.as_known is False for result in self.results.values())
        return ExitCode.DEVIATION if deviates or self.failures else ExitCode.AS_KNOWN

    def properties(self) -> dict[str, str]:
        """Target and facts, as JUnit's suite properties."""
        facts = to_json(self.facts) if self.facts else None
        shown = {name: json.dumps(value) for name, value in facts.items()} if isinstance(facts, dict) else {}
        return {"binder_target": self.target} | {f"binder_{name}": value for name, value in shown.items()}

    def document(self) -> Document:
        """The result document as of now, its claims in their sections' order."""
        order = list(CLAIMS.all())
        return Document(
            harness=harness_version(),
            target=self.target,
            started=self.started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            device=self.facts,
            claims=tuple(sorted(self.results.values(), key=lambda result: order.index(result.id))),
        )
