from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import harness.experiments
from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, Topic, claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.measurement import MEASUREMENTS
from tests.support.fake_device import FACTS, Measured, make_claim


def measure(_: object) -> Measured:
    return Measured(123)


def verdict(m: Measured, facts: Facts) -> Finding:
    return Finding.whether(facts.root, "minor {minor}", minor=Figure(m.number, "/proc/misc"))


def test_the_decorator_registers_and_returns_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLAIMS, "entries", dict(CLAIMS.all()))
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
    topics = [claim.topic for claim in CLAIMS.all().values()]
    assert topics == sorted(topics, key=list(Topic).index)
    assert set(topics) == set(Topic) - {Topic.OTHER}


def test_what_the_sources_declare_is_what_the_modules_add() -> None:
    for registry in (CLAIMS, MEASUREMENTS):
        for module in pkgutil.walk_packages(harness.experiments.__path__, "harness.experiments."):
            importlib.import_module(module.name)
        assert registry.entries.keys() == registry.declared.keys()
    for id_, entry in CLAIMS.all().items():
        assert (CLAIMS.topic(id_), CLAIMS.statement(id_)) == (entry.topic, entry.statement)


def test_only_the_module_of_the_claim_that_is_asked_for_is_imported() -> None:
    program = (
        "import sys; from harness.experiments.core.claim import CLAIMS; CLAIMS.select(['mmap.once']); "
        "print(*(name for name in sys.modules if name.endswith('claims')))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["harness.experiments.mapping.claims"]


@pytest.mark.parametrize(("name", "expected"), [("mmap", Verdict.CONFIRMED), ("mmap.once", Verdict.REFUTED)])
def test_a_claim_is_complete(name: str, expected: Verdict) -> None:
    with pytest.raises(ValueError, match="mmap"):
        make_claim(name, measure, verdict, expected=expected)
