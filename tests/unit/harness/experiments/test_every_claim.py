"""Every claim, by the tables of cases beside it: its verdicts, and that what it measures can be stored."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.json_values import Json, from_json, to_json
from harness.experiments.core.measurement import MEASUREMENTS
from harness.experiments.core.result import Result
from tests.support.fake_device import FACTS
from tests.support.sentences import leaked
from tests.support.verdicts import CONFIRMED, REFUTED, Case, VerdictFunction, check

TABLES = sorted(Path(__file__).parent.glob("*/test_*claims.py"))
CASES: list[Case] = [
    case
    for table in TABLES
    for case in importlib.import_module(f"{__package__}.{table.parent.name}.{table.stem}").CASES
]
WORDS = re.compile(r"(?!.*None)[\w ./:-]*")

EXAMPLES = 20
"""For each claim; all of them go through one codec, which has thousands of values then."""

# NaN is not equal to itself, and nothing measures it.
st.register_type_strategy(float, st.floats(allow_nan=False))


@pytest.mark.parametrize(
    ("function", "measured", "verdict"),
    CASES,
    ids=[f"{function.__name__}-{index}" for index, (function, *_) in enumerate(CASES)],
)
def test_the_verdict_follows_from_the_measurement(
    function: VerdictFunction, measured: object, verdict: Verdict
) -> None:
    check(function, measured, verdict)


@pytest.mark.parametrize("claim", CLAIMS.all().values(), ids=CLAIMS.all())
def test_a_claim_has_cases_that_confirm_and_refute_it(claim: Claim) -> None:
    assert {verdict for function, _, verdict in CASES if function is claim.verdict} >= {CONFIRMED, REFUTED}


@pytest.mark.parametrize("claim", CLAIMS.all().values(), ids=CLAIMS.all())
def test_a_stored_measurement_is_read_as_it_was(claim: Claim) -> None:
    @settings(max_examples=EXAMPLES)
    @given(st.from_type(claim.measured_type))  # type: ignore[arg-type]
    def check_value(value: object) -> None:
        assert from_json(claim.measured_type, json.loads(json.dumps(to_json(value)))) == value

    check_value()


def strings_in(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings_in(each)


def texts_of(claim: Claim, finding: Finding) -> str:
    result = Result.of(claim, finding, claim.expected_verdict(FACTS), seconds=0.0)
    return f"{result.measured}\n{result.reason}\n{result.explanation}"


@pytest.mark.parametrize("claim", CLAIMS.all().values(), ids=CLAIMS.all())
def test_no_value_of_python_gets_into_a_sentence(claim: Claim) -> None:
    @settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
    @given(st.from_type(claim.measured_type))  # type: ignore[arg-type]
    def check_value(measured: object) -> None:
        if not all(map(WORDS.fullmatch, strings_in(to_json(measured)))):
            return  # brackets and quotes of the device's own
        try:
            finding = claim.verdict(measured, FACTS)
        except Exception:
            return
        assert leaked(texts_of(claim, finding)) == []

    check_value()
    for function, measured, _ in CASES:
        if function is claim.verdict:
            assert leaked(texts_of(claim, function(measured, FACTS))) == []


def test_each_measurement_is_a_claims() -> None:
    """So that what `measure` shows of it has names, units, and where it was read."""
    measures = [claim.measure for claim in CLAIMS.all().values()]
    assert [name for name, entry in MEASUREMENTS.all().items() if entry.run not in measures] == []
