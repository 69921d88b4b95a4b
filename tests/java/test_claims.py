"""The claims that AOSP's Java decides, judged with it."""

from __future__ import annotations

import pytest

from harness.device.device import Device
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.judge import judge
from harness.experiments.core.loading import load_claims
from harness.framework.java.agent import provenance

JUDGED = (
    "broadcast.delivery",
    "broadcast.hops",
    "bind.once",
    "call.marshalling",
    "limit.intent",
    "limit.java-exception",
    "service.cache",
    "service.slow-log",
)
load_claims()


@pytest.mark.parametrize("id_", JUDGED)
def test_a_claim_has_the_expected_verdict_by_java(device: Device, id_: str) -> None:
    result = judge(CLAIMS.all()[id_], device)

    assert result.as_expected, result.explanation
    assert result.sentence.startswith(f"with {provenance(device.facts.java or 0)}, ")
