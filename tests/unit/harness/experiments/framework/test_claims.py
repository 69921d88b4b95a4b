"""The framework's claims: what each would say of other figures, and where nothing can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from harness.device.facts import FacilityMissingError, Facts
from harness.experiments.core.claim import CLAIMS, Verdict
from harness.experiments.core.judge import Result, judge
from harness.experiments.framework import claims as framework
from harness.experiments.framework.bindings import Bindings
from harness.experiments.framework.broadcasts import (
    ACTION,
    NOTICE,
    BroadcastHops,
    Delivery,
    IntentLimits,
    Marshalling,
)
from harness.experiments.framework.lookups import (
    LookUps,
    SlowLookUps,
    measure_framework_lookups,
    measure_slow_lookups,
)
from harness.recording.sequence_diagram import SequenceDiagram
from harness.report.diagram import diagram_of
from tests.support.fake_device import FACTS, FakeDevice

EVERYTHING = replace(
    FACTS,
    service_manager=True,
    framework=True,
    tracefs="/sys/kernel/tracing",
    kprobes=True,
    android_release="11",
)
STAND_IN = replace(EVERYTHING, android_release=None)

DELIVERED = Delivery(True, 1, 2, ACTION, {"data": NOTICE})
HOPS = BroadcastHops(
    stand_in=True,
    first=("sender", "servicemanager", "activity_standin"),
    second=("sender", "activity_standin"),
    lookups=(1, 0),
    last_hop_one_way=True,
    last_hop_from_activity_manager=True,
    lost=False,
    text="",
    diagram=SequenceDiagram((), ()),
)
LIMITS = IntentLimits(True, 1_040_384, 1_040_000, 520_000, True, "too large")
MARSHALLING = Marshalling(True, 15, 272, 8, 0, -1, "not allowed", True)
BOUND = Bindings(True, 1, 2, (1, 2), "")
LOOK_UPS = LookUps(5, 40, 0, False)
SLOW = SlowLookUps((("window", 12),), (500,))

MEASURES = {
    "broadcast.delivery": "measure_broadcast",
    "broadcast.hops": "measure_broadcast_hops",
    "limit.intent": "measure_intent_limits",
    "call.marshalling": "measure_marshalling",
    "bind.once": "measure_bindings",
    "service.cache": "measure_framework_lookups",
    "service.slow-log": "measure_slow_lookups",
}


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], Result]:
    def judge_with(name: str, figures: object) -> Result:
        monkeypatch.setattr(framework, MEASURES[name], lambda _: figures)
        return judge(CLAIMS.get(name), cast(Any, FakeDevice(EVERYTHING)))

    return judge_with


@pytest.mark.parametrize(
    ("name", "figures", "verdict", "as_known"),
    [
        ("broadcast.delivery", DELIVERED, Verdict.CONFIRMED, True),
        ("broadcast.delivery", replace(DELIVERED, extras={"data": "other"}), Verdict.REFUTED, False),
        ("broadcast.delivery", replace(DELIVERED, receiver=1), Verdict.REFUTED, False),
        ("broadcast.hops", HOPS, Verdict.REFUTED, True),
        ("broadcast.hops", replace(HOPS, second=HOPS.first, lookups=(1, 1)), Verdict.CONFIRMED, False),
        ("broadcast.hops", replace(HOPS, last_hop_one_way=False), Verdict.REFUTED, False),
        ("broadcast.hops", replace(HOPS, lost=True), Verdict.NOT_TESTABLE, None),
        ("limit.intent", LIMITS, Verdict.CONFIRMED, True),
        ("limit.intent", replace(LIMITS, largest_call=900_000), Verdict.REFUTED, False),
        ("limit.intent", replace(LIMITS, largest_delivery=1_040_000), Verdict.REFUTED, False),
        ("limit.intent", replace(LIMITS, next_works=False), Verdict.REFUTED, False),
        ("call.marshalling", MARSHALLING, Verdict.CONFIRMED, True),
        ("call.marshalling", replace(MARSHALLING, exception=0), Verdict.REFUTED, False),
        ("call.marshalling", replace(MARSHALLING, carried_out=False), Verdict.REFUTED, False),
        ("bind.once", BOUND, Verdict.CONFIRMED, True),
        ("bind.once", replace(BOUND, binds=2), Verdict.REFUTED, False),
        ("bind.once", replace(BOUND, answers=(1, 1)), Verdict.REFUTED, False),
        ("service.cache", LOOK_UPS, Verdict.CONFIRMED, True),
        ("service.cache", replace(LOOK_UPS, lookups=5), Verdict.REFUTED, False),
        ("service.cache", replace(LOOK_UPS, calls=0), Verdict.NOT_TESTABLE, None),
        ("service.slow-log", SLOW, Verdict.CONFIRMED, True),
        ("service.slow-log", replace(SLOW, slow=(("window", 4),)), Verdict.REFUTED, False),
        ("service.slow-log", replace(SLOW, counted=()), Verdict.NOT_TESTABLE, None),
    ],
)
def test_figures_decide(
    judged: Callable[[str, object], Result],
    name: str,
    figures: object,
    verdict: Verdict,
    as_known: bool | None,
) -> None:
    result = judged(name, figures)
    assert (result.verdict, result.as_known) == (verdict, as_known), result.explanation


@pytest.mark.parametrize("name", ["broadcast.delivery", "broadcast.hops", "limit.intent", "bind.once"])
def test_a_stand_in_is_marked_and_android_is_not(judged: Callable[[str, object], Result], name: str) -> None:
    figures: Any = {
        "broadcast.delivery": DELIVERED,
        "broadcast.hops": HOPS,
        "limit.intent": LIMITS,
        "bind.once": BOUND,
    }[name]
    assert "stand-in" in judged(name, figures).measured
    assert "stand-in" not in judged(name, replace(figures, stand_in=False)).measured


def test_the_hops_can_be_drawn_from_the_result(judged: Callable[[str, object], Result]) -> None:
    drawn = diagram_of(judged("broadcast.hops", HOPS))
    assert drawn is not None
    assert drawn.startswith("<svg")


@pytest.mark.parametrize("measure", [measure_framework_lookups, measure_slow_lookups])
@pytest.mark.parametrize(("facts", "reason"), [(FACTS, "does not have it"), (STAND_IN, "a stand-in")])
def test_look_ups_need_android_s_own_framework(measure: Any, facts: Facts, reason: str) -> None:
    with pytest.raises(FacilityMissingError, match=rf"needs Android's framework: .*{reason}"):
        measure(cast(Any, FakeDevice(facts)))


def test_look_ups_are_counted_by_probes() -> None:
    with pytest.raises(FacilityMissingError, match="needs kernel probes"):
        measure_framework_lookups(cast(Any, FakeDevice(replace(EVERYTHING, kprobes=False))))
