"""Verdicts on the framework, over made-up measurements: of Android's own, and of a stand-in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import pytest

from harness.experiments.core.figure import fill
from harness.experiments.core.json_values import Json, from_json
from harness.experiments.framework import claims, lookup_claims
from harness.experiments.framework.bindings import Bindings
from harness.experiments.framework.broadcasts import (
    ACTION,
    NOTICE,
    BroadcastHops,
    Delivery,
    IntentLimits,
    Marshalling,
)
from harness.experiments.framework.java_lookups import JavaLookups, JavaSlowLookups, TimedLookup
from harness.experiments.framework.lookups import Lookups, SlowLookups
from harness.recording.diagram_parts import Arrow, ArrowKind, Lifeline
from harness.recording.sequence_diagram import SequenceDiagram
from harness.recording.sequence_svg import svg_of
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONDITIONAL,
    CONFIRMED,
    NOT_TESTABLE,
    REFUTED,
    Case,
    VerdictFunction,
)

DIAGRAM = SequenceDiagram(
    (Lifeline(582, 583, "sender"), Lifeline(89, 89, "servicemanager")),
    (
        Arrow(
            sender=0,
            receiver=1,
            kind=ArrowKind.CALL,
            interface="IServiceManager",
            called="checkService",
            size=96,
            sent=0.0,
            latency=0.323,
        ),
    ),
)
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
    diagram=DIAGRAM,
)
LIMITS = IntentLimits(True, 1_040_384, 1_040_000, 520_000, True, "too large")
MARSHALLING = Marshalling(True, 15, 272, 8, 0, -1, "not allowed", True)
BOUND = Bindings(True, 1, 2, (1, 2), "", DIAGRAM)
FOUND_BOUND = Bindings(False, 1, 3, (), "a record")
LOOKUPS = Lookups(5, 40, 0, False)
SLOW = SlowLookups((("window", 12),), (500,))
JAVA_LOOKUPS = JavaLookups(
    release=10,
    times=20,
    uncached=20,
    same_object=True,
    cached=0,
    manager="android.app.AlarmManager",
    for_manager=1,
    same_manager=True,
    lost=False,
)
CORE = (TimedLookup(4.0, None), TimedLookup(20.0, 24), TimedLookup(60.0, 63), TimedLookup(30.0, None))
APP = (TimedLookup(20.0, None), TimedLookup(80.0, 84), TimedLookup(60.0, None))
JAVA_SLOW = JavaSlowLookups(10, CORE, APP, (100,), lost=False)

change: Callable[..., Any] = dataclasses.replace

CASES: list[Case] = [
    (claims.broadcast_delivery, DELIVERED, CONFIRMED),
    (claims.broadcast_delivery, change(DELIVERED, extras={"data": "other"}), REFUTED),
    (claims.broadcast_delivery, change(DELIVERED, extras=None), REFUTED),
    (claims.broadcast_delivery, change(DELIVERED, action=None), REFUTED),
    (claims.broadcast_delivery, change(DELIVERED, receiver=1), REFUTED),
    (claims.broadcast_hops, HOPS, REFUTED),
    (claims.broadcast_hops, change(HOPS, second=HOPS.first, lookups=(1, 1)), CONFIRMED),
    (claims.broadcast_hops, change(HOPS, last_hop_one_way=False), REFUTED),
    (claims.broadcast_hops, change(HOPS, lost=True), NOT_TESTABLE),
    (claims.limit_intent, LIMITS, CONFIRMED),
    (claims.limit_intent, change(LIMITS, largest_call=900_000), REFUTED),
    (claims.limit_intent, change(LIMITS, largest_delivery=1_040_000), REFUTED),
    (claims.limit_intent, change(LIMITS, next_works=False), REFUTED),
    (claims.call_marshalling, MARSHALLING, CONFIRMED),
    (claims.call_marshalling, change(MARSHALLING, exception=0, message=""), REFUTED),
    (claims.call_marshalling, change(MARSHALLING, carried_out=False), REFUTED),
    (claims.call_marshalling, change(MARSHALLING, call_size=0), REFUTED),
    (claims.bind_once, BOUND, CONFIRMED),
    (claims.bind_once, FOUND_BOUND, CONFIRMED),
    (claims.bind_once, change(BOUND, binds=2), REFUTED),
    (claims.bind_once, change(BOUND, replies=(1, 1)), REFUTED),
    (claims.bind_once, change(FOUND_BOUND, clients=1), REFUTED),
    (lookup_claims.service_cache, LOOKUPS, CONFIRMED),
    (lookup_claims.service_cache, change(LOOKUPS, lookups=5), REFUTED),
    (lookup_claims.service_cache, change(LOOKUPS, calls=0), NOT_TESTABLE),
    (lookup_claims.service_cache, change(LOOKUPS, lost=True), NOT_TESTABLE),
    (lookup_claims.service_cache, JAVA_LOOKUPS, CONDITIONAL),
    (lookup_claims.service_cache, change(JAVA_LOOKUPS, uncached=1), CONFIRMED),
    (lookup_claims.service_cache, change(JAVA_LOOKUPS, cached=20, same_manager=False), REFUTED),
    (lookup_claims.service_cache, change(JAVA_LOOKUPS, manager=None), NOT_TESTABLE),
    (lookup_claims.service_cache, change(JAVA_LOOKUPS, lost=True), NOT_TESTABLE),
    (lookup_claims.service_slow_log, JAVA_SLOW, CONDITIONAL),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, core=CORE[:3], app=APP[:2]), CONFIRMED),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, app=(TimedLookup(20.0, 21), *APP[1:])), REFUTED),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, app=(APP[0], TimedLookup(80.0, None))), REFUTED),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, counted=()), REFUTED),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, counted=(99,)), REFUTED),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, app=APP[:1]), NOT_TESTABLE),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, app=APP[1:]), NOT_TESTABLE),
    (lookup_claims.service_slow_log, change(JAVA_SLOW, lost=True), NOT_TESTABLE),
    (lookup_claims.service_slow_log, SLOW, CONFIRMED),
    (lookup_claims.service_slow_log, change(SLOW, slow=(("window", 4),)), REFUTED),
    (lookup_claims.service_slow_log, change(SLOW, slow=()), NOT_TESTABLE),
    (lookup_claims.service_slow_log, change(SLOW, counted=()), NOT_TESTABLE),
]


@pytest.mark.parametrize(
    ("function", "measured", "unexpected"),
    [
        (claims.broadcast_delivery, DELIVERED, []),
        (claims.broadcast_delivery, change(DELIVERED, extras=None, action="OTHER"), ["action", "extras"]),
        (claims.broadcast_hops, HOPS, []),
        (claims.broadcast_hops, change(HOPS, lookups=(1, 1)), ["lookups.second"]),
        (claims.broadcast_hops, change(HOPS, last_hop_one_way=False), ["last_hop_one_way"]),
        (
            claims.broadcast_hops,
            change(HOPS, last_hop_from_activity_manager=False),
            ["last_hop_from_activity_manager"],
        ),
        (claims.limit_intent, change(LIMITS, next_works=False), ["small_one_arrives_afterwards"]),
        (claims.call_marshalling, change(MARSHALLING, reply_size=12), ["reply_size"]),
    ],
)
def test_which_figures_are_unexpected(
    function: VerdictFunction, measured: object, unexpected: list[str]
) -> None:
    figures = function(measured, FACTS).figures
    assert [name for name, figure in figures.items() if not figure.as_expected] == unexpected


@pytest.mark.parametrize(
    ("function", "measured"),
    [
        (claims.broadcast_delivery, DELIVERED),
        (claims.broadcast_hops, HOPS),
        (claims.limit_intent, LIMITS),
        (claims.bind_once, BOUND),
        (claims.call_marshalling, MARSHALLING),
    ],
)
def test_a_stand_in_is_marked_and_android_is_not(function: VerdictFunction, measured: Any) -> None:
    for stand_in, name in ((True, "stand-in"), (False, "Android's")):
        finding = function(change(measured, stand_in=stand_in), FACTS)
        assert ("stand-in" in finding.sentence) == stand_in
        assert finding.figures["activity_manager"].value == name


@pytest.mark.parametrize(("function", "measured"), [(claims.broadcast_hops, HOPS), (claims.bind_once, BOUND)])
def test_the_hops_can_be_drawn_from_the_figures(function: VerdictFunction, measured: object) -> None:
    figure = function(measured, FACTS).figures["sequence_diagram"]
    assert svg_of(from_json(SequenceDiagram, cast(Json, figure.value))).startswith("<svg")
    assert figure.varies


def test_the_clients_of_a_service_that_is_found_vary() -> None:
    assert not claims.bind_once(BOUND, FACTS).figures["clients"].varies
    finding = claims.bind_once(FOUND_BOUND, FACTS)
    assert finding.figures["clients"].varies
    assert fill(finding.sentence, {name: str(figure) for name, figure in finding.figures.items()}) == (
        "through the activity manager, 3 clients connected, and onBind was called 1 time"
    )


@pytest.mark.parametrize(
    ("function", "measured"),
    [
        (claims.broadcast_delivery, change(DELIVERED, java=10)),
        (claims.broadcast_hops, change(HOPS, java=10, chain="a.B.c")),
        (claims.limit_intent, change(LIMITS, java=10)),
        (claims.bind_once, change(BOUND, java=10)),
        (claims.call_marshalling, change(MARSHALLING, java=10, returned=None)),
        (lookup_claims.service_cache, JAVA_LOOKUPS),
        (lookup_claims.service_slow_log, JAVA_SLOW),
    ],
)
def test_a_verdict_found_with_java_names_it(function: VerdictFunction, measured: Any) -> None:
    finding = function(measured, FACTS)

    assert finding.sentence.startswith("with AOSP's Java of Android 10 on OpenJDK, ")
    assert finding.figures["java"].value == "AOSP's Java of Android 10 on OpenJDK"


def test_a_verdict_found_with_a_device_s_own_java_names_that() -> None:
    finding = lookup_claims.service_cache(change(JAVA_LOOKUPS, release=15, art=True), FACTS)
    assert finding.sentence.startswith("with the device's own framework of Android 15 on ART, ")
    assert finding.figures["java"].value == "the device's own framework of Android 15 on ART"


def test_the_chain_down_to_the_driver_is_a_figure_of_java_s_alone() -> None:
    name = "from_java_to_the_driver"
    assert name not in claims.broadcast_hops(HOPS, FACTS).figures
    assert claims.broadcast_hops(change(HOPS, chain="a.B.c"), FACTS).figures[name].value == "a.B.c"
