"""The worked example of claims of one's own: it is confirmed, and its verdict can be another."""

from __future__ import annotations

import pytest

from harness.device.device import Device
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from harness.experiments.core.loading import load_claims
from tests.support.documentation import DOCS
from tests.support.own_claims import unchanged_registries

__all__ = ["unchanged_registries"]


@pytest.mark.usefixtures("unchanged_registries")
def test_the_example_is_judged_like_any_other_claim(device: Device) -> None:
    load_claims([DOCS / "examples" / "own_claims.py"])
    claim = CLAIMS.get("acme.one-way")
    assert judge(claim, device).verdict is Verdict.CONFIRMED
    waited = claim.measurement_from({"events": ["the handler returns", "the call returns"]})
    assert claim.verdict(waited, device.facts).verdict is Verdict.REFUTED
