from __future__ import annotations

import pytest

from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, ClaimRegistry, Topic, claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from tests.support.fake_device import FACTS, FakeDevice, Measured, make_claim


def measure(_: object) -> Measured:
    return Measured(123)


def verdict(m: Measured, facts: Facts) -> Finding:
    return Finding.whether(facts.root, "minor {minor}", minor=Figure(m.number, "/proc/misc"))


def test_the_decorator_registers_and_returns_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLAIMS, "_entries", CLAIMS.all())
    monkeypatch.setattr(verdict, "__module__", "harness.experiments.node.claims")
    decorated = claim(
        "trial.misc",
        measure=measure,
        documents="B",
        statement="It is a misc device.",
        experiment="Read /proc/misc.",
        source="drivers/android/binder.c",
    )(verdict)
    registered = CLAIMS.get("trial.misc")
    assert decorated is verdict is registered.verdict
    assert registered.topic is Topic.NODE
    assert (
        registered.verdict(registered.measurement_from({"number": 123}), FACTS).verdict is Verdict.CONFIRMED
    )


def test_the_type_of_a_measurement_is_the_verdicts_first_parameter() -> None:
    assert make_claim("mmap.some", measure, verdict).measured_type is Measured


def test_claims_come_in_the_order_of_their_topics() -> None:
    registry = ClaimRegistry("claim", "tests.emulator.doubles", listed_by="binder-harness list")
    for name, topic in (
        ("sm.b", Topic.SERVICE_MANAGER),
        ("mmap.b", Topic.MAPPING),
        ("sm.a", Topic.MAPPING),
    ):
        registry.add(name, make_claim(name, FakeDevice.process, topic=topic))
    assert list(registry.all()) == ["mmap.b", "sm.a", "sm.b"]


@pytest.mark.parametrize(("name", "expected"), [("mmap", Verdict.CONFIRMED), ("mmap.once", Verdict.REFUTED)])
def test_a_claim_is_complete(name: str, expected: Verdict) -> None:
    with pytest.raises(ValueError, match="mmap"):
        make_claim(name, measure, verdict, expected=expected)
