"""Folds the events of one device's run into its result document and exit status."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Sequence
from datetime import UTC, datetime

from emulator.base.errors import ExitCode
from emulator.base.interruption import status_after
from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.result import Result
from harness.experiments.core.source_documents import named
from harness.report.document import Document
from harness.report.events import Event, Failed, Judged, Opened
from harness.report.failure import Failure, gravest
from harness.report.matrix import Column
from harness.report.stored import harness_version


class Run:
    """The state of a run so far: a view of its events."""

    def __init__(self, target: str, started: datetime, requested_claims: Sequence[str] = ()) -> None:
        self.target = target
        self.started = started
        self.requested_claims = requested_claims
        """The claims to judge, by id; empty where they are unknown beforehand."""
        self.facts: Facts | None = None
        """Of the first device; a run replaces a lost one by an equal one."""
        self.results: dict[str, Result] = {}
        """The latest of each claim, by id."""
        self.failures: list[Failure] = []
        self.interrupted: str | None = None
        """The signal that interrupted it."""

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case Opened(facts=facts):
                self.facts = self.facts or facts
            case Judged(result=result):
                self.results[result.id] = result
            case Failed(failure=failure) if failure not in self.failures:
                self.failures.append(failure)

    @property
    def not_judged(self) -> tuple[str, ...]:
        """The requested claims that have no result yet."""
        return tuple(claim for claim in self.requested_claims if claim not in self.results)

    @property
    def exit_code(self) -> ExitCode:
        """The exit status: a lost or missing device outweighs an unexpected result."""
        codes = [failure.exit_code for failure in self.failures]
        if any(result.as_expected is False for result in self.results.values()):
            codes.append(ExitCode.UNEXPECTED)
        return gravest(codes)

    def document(self) -> Document:
        """The result document so far, its claims in the order of their topics."""
        return arranged(
            Document(
                harness=harness_version(),
                target=self.target,
                started=self.started.isoformat(timespec="seconds"),
                ended=datetime.now(UTC).isoformat(timespec="seconds"),
                interrupted=self.interrupted,
                not_judged=self.not_judged,
                device=self.facts,
                claims=tuple(self.results.values()),
            )
        )

    def column(self) -> Column:
        """The run as a column of a matrix."""
        name = self.interrupted
        return Column(
            target=self.target,
            exit_code=self.exit_code if name is None else status_after(signal.Signals[name]),
            failures=tuple(self.failures),
            document=self.document(),
        )


def arranged(document: Document) -> Document:
    """A document with its claims in the order of their topics, and with the texts that state them."""
    order = list(CLAIMS.all())
    claims = sorted(
        document.claims, key=lambda result: order.index(result.id) if result.id in order else len(order)
    )
    letters = {letter for result in claims for letter in result.documents}
    return dataclasses.replace(document, claims=tuple(claims), stated_in=tuple(named(letters)))
