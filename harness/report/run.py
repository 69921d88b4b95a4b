"""Gathers, from what pytest reports, the result document and exit status of a run.

With xdist the tests run in other processes, and their reports are all that arrives: so whatever a run has
to know travels as a note on a report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.base.errors import ExitCode
from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.json_values import Json, from_json, to_json
from harness.experiments.core.judge import Result
from harness.report.document import Document
from harness.report.stored import harness_version

GRAVEST_FIRST = (
    ExitCode.DEVICE_LOST,
    ExitCode.SETUP_MISSING,
    ExitCode.USAGE,
    ExitCode.UNEXPECTED,
    ExitCode.AS_EXPECTED,
)


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """What several exit codes come to: a lost or missing device outweighs a deviation."""
    return min(codes, key=GRAVEST_FIRST.index, default=ExitCode.AS_EXPECTED)


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

    def __init__(self, target: str, started: datetime, asked: Sequence[str] = ()) -> None:
        self.target = target
        self.started = started
        self.asked = asked
        """The claims to be judged, by id; empty where that is not known beforehand."""
        self.facts: Facts | None = None
        """Of the first device; the others of a run are like it."""
        self.results: dict[str, Result] = {}
        """By claim; the latest of each."""
        self.failures: list[Failure] = []
        self.interrupted: str | None = None
        """The signal that ended it before its time."""

    def take(self, note: Note) -> None:
        """Add what a report tells."""
        self.facts = self.facts or note.device
        if note.result is not None:
            self.results[note.result.id] = note.result
        if note.failure is not None and note.failure not in self.failures:
            self.failures.append(note.failure)

    @property
    def not_judged(self) -> tuple[str, ...]:
        """What was asked of it, and did not come out yet."""
        return tuple(claim for claim in self.asked if claim not in self.results)

    @property
    def exit_code(self) -> ExitCode:
        """The exit status: a lost or missing device outweighs a deviation."""
        codes = [failure.exit_code for failure in self.failures]
        if any(result.as_known is False for result in self.results.values()):
            codes.append(ExitCode.UNEXPECTED)
        return gravest(codes)

    def properties(self) -> dict[str, str]:
        """Target and facts, as JUnit's suite properties, each with the prefix `binder_`, once."""
        facts = to_json(self.facts) if self.facts else None
        shown = {name: json.dumps(value) for name, value in facts.items()} if isinstance(facts, dict) else {}
        if self.interrupted is not None:
            shown["interrupted"] = self.interrupted
        named = {f"binder_{name.removeprefix('binder_')}": value for name, value in shown.items()}
        return {"binder_target": self.target} | named

    def document(self) -> Document:
        """The result document as of now, its claims in their sections' order."""
        order = list(CLAIMS.all())
        return Document(
            harness=harness_version(),
            target=self.target,
            started=self.started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            interrupted=self.interrupted,
            not_judged=self.not_judged,
            device=self.facts,
            claims=tuple(sorted(self.results.values(), key=lambda result: order.index(result.id))),
        )
