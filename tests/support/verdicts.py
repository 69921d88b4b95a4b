"""Helpers for the tests of every topic's claims, which call verdict functions with made-up measurements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, Claim, Topic
from harness.experiments.core.figure import names_in
from harness.experiments.core.finding import Finding, Verdict
from tests.support.fake_device import FACTS

CONFIRMED, REFUTED, CONDITIONAL = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.CONDITIONAL
NOT_TESTABLE = Verdict.NOT_TESTABLE

VerdictFunction = Callable[[Any, Facts], Finding]
Case = tuple[VerdictFunction, object, Verdict]
"""A verdict function, a measurement, and the verdict that follows from it."""


def check(function: VerdictFunction, measured: object, verdict: Verdict, facts: Facts = FACTS) -> None:
    """The verdict must follow from the measurement; one with a finding states figures in its sentence."""
    finding = function(measured, facts)
    assert finding.verdict is verdict
    if verdict is NOT_TESTABLE:
        assert finding.reason
    else:
        assert list(names_in(finding.sentence))
        assert all(figure.where for figure in finding.figures.values())


def claims_of(topic: Topic) -> dict[VerdictFunction, Claim]:
    """A topic's claims, by their verdict functions."""
    return {claim.verdict: claim for claim in CLAIMS.all().values() if claim.topic is topic}
