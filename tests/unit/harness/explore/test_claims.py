"""The verdict on whether a driver does what the model says."""

from __future__ import annotations

import pytest

from harness.experiments.core.finding import Verdict
from tests.support.fake_device import FACTS
from tests.support.own_claims import unchanged_registries

__all__ = ["unchanged_registries"]


@pytest.mark.usefixtures("unchanged_registries")
@pytest.mark.parametrize(
    ("differences", "verdict"), [((), Verdict.CONFIRMED), (("result: …",), Verdict.REFUTED)]
)
def test_a_difference_refutes_it(differences: tuple[str, ...], verdict: Verdict) -> None:
    from harness.explore.claims import Agreement, model_agrees

    assert model_agrees(Agreement(2000, 50, differences, ""), FACTS).verdict is verdict
