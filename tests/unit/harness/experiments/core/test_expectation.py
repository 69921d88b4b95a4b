"""The expected verdict, by the kernel's release."""

from __future__ import annotations

import dataclasses

import pytest

from harness.experiments.core.expectation import true_before
from harness.experiments.core.finding import Verdict
from tests.support.fake_device import FACTS


@pytest.mark.parametrize(
    ("release", "verdict"),
    [
        ("5.0.21", Verdict.CONFIRMED),
        ("4.19.0-27-amd64", Verdict.CONFIRMED),
        ("5.1.0", Verdict.REFUTED),
        ("5.1-rc1", Verdict.REFUTED),
        ("5.10.0", Verdict.REFUTED),
        ("6.12.117+deb12-amd64", Verdict.REFUTED),
    ],
)
def test_a_release_divides_what_was_true_from_what_is(release: str, verdict: Verdict) -> None:
    expected = true_before(5, 1)
    assert expected.verdict(dataclasses.replace(FACTS, kernel_release=release)) is verdict
    assert "5.1" in expected.text
