"""Every claim, judged on a device, stored, and judged again from what was stored."""

from __future__ import annotations

import json

import pytest

from harness.device.device import Device
from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import from_json, to_json
from harness.experiments.core.judge import judge, judge_again
from harness.experiments.core.result import Result


@pytest.mark.parametrize("claim", CLAIMS.all().values(), ids=CLAIMS.all())
def test_a_stored_result_is_judged_alike(device: Device, claim: Claim) -> None:
    result = judge(claim, device, java=False)  # AOSP's Java, which is compiled first, is for make test-java
    stored = from_json(Result, json.loads(json.dumps(to_json(result))))
    assert judge_again(claim, stored, device.facts) == stored
    assert (stored.verdict, stored.measured) == (result.verdict, result.measured)
    assert stored.as_expected is not False, result.explanation
    assert stored.measurement is not None or stored.verdict is Verdict.NOT_TESTABLE
