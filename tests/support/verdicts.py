"""What the tests of every topic's claims share: verdict functions are called with made-up measurements."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, Claim, Topic
from harness.experiments.core.figure import names_in
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.json_values import from_json, to_json
from tests.support.fake_device import FACTS

CONFIRMED, REFUTED, CONDITIONAL = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.CONDITIONAL
NOT_TESTABLE = Verdict.NOT_TESTABLE

VerdictFunction = Callable[[Any, Facts], Finding]
Case = tuple[VerdictFunction, object, Verdict]
"""A verdict function, what was measured, and the verdict that follows."""


def case_ids(cases: Iterable[Case]) -> list[str]:
    """Names for the cases of a parametrized test."""
    return [f"{function.__name__}-{index}" for index, (function, *_) in enumerate(cases)]


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


def verdicts_by_function(cases: Iterable[Case]) -> dict[VerdictFunction, set[Verdict]]:
    """The verdicts that the cases of each function have."""
    verdicts: dict[VerdictFunction, set[Verdict]] = {}
    for function, _, verdict in cases:
        verdicts.setdefault(function, set()).add(verdict)
    return verdicts


def survives_json(claim: Claim) -> None:
    """Whatever is measured for the claim must be the same after it was stored and read again."""

    @given(st.from_type(claim.measured_type))  # type: ignore[arg-type]
    def check_value(value: object) -> None:
        assert from_json(claim.measured_type, json.loads(json.dumps(to_json(value)))) == value

    check_value()
