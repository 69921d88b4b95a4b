"""Verdicts over made-up measurements: what a kernel would show on which a statement is true, or is false."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.binder import Node
from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.protocol import call_claims, claims, object_claims
from harness.experiments.protocol.call_sequence import CallSequence, Exchange, Traced
from harness.experiments.protocol.deaths import CLEARED, IN_TIME, TOO_LATE, Deaths, Notice
from harness.experiments.protocol.freed_space import PART_SIZE, FreedSpace
from harness.experiments.protocol.ioctls import IoctlSurvey, ProtocolVersion
from harness.experiments.protocol.loopers import Looper, Loopers, LooperStates, PoolStep, ThreadPoolGrowth
from harness.experiments.protocol.reference_counts import ObjectCounts, ReferenceCounts, Step
from harness.experiments.protocol.senders import Identity, Sender, Senders
from harness.experiments.protocol.translation import Arrival, Translation
from harness.experiments.protocol.write_read import SizedExchange, WriteOrRead
from harness.kernel.binder_debug.stats import ThreadPool
from harness.kernel.tracing.binder_transactions import End, Hop
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONFIRMED,
    NOT_TESTABLE,
    REFUTED,
    Case,
    VerdictFunction,
)

change: Callable[..., Any] = dataclasses.replace

VERSION = ProtocolVersion(8, wide="success", narrow="EINVAL")
SURVEY = IoctlSurvey(
    tried=2304,
    supported=(*sorted(claims.FIRST_IOCTLS), "BINDER_FREEZE"),
    unsupported=("BINDER_SET_IDLE_TIMEOUT",),
    others={"EINVAL": 2290},
)
WRITE_ONLY = SizedExchange(1, 68, 0, 68, 0, ())
WRITE_OR_READ = WriteOrRead(
    (
        WRITE_ONLY,
        SizedExchange(2, 0, 0, 0, 0, ()),
        SizedExchange(3, 0, 256, 0, 8, ("BR_NOOP", "BR_TRANSACTION_COMPLETE")),
        SizedExchange(4, 68, 256, 68, 8, ("BR_NOOP", "BR_TRANSACTION_COMPLETE")),
    ),
    delivered=(1, 4),
)
READ_WITHOUT_SIZE = (change(WRITE_ONLY, read_consumed=4), *WRITE_OR_READ.exchanges[1:])
FREED = FreedSpace(
    4 * PART_SIZE, PART_SIZE, at_first=4, after_one=1, after_all=4, buffers_shown=(4, 3, 4, 0, 4)
)
FIRST, SECOND = Identity(10, 0), Identity(20, 2000)
SENDERS = Senders(
    Sender(FIRST, SECOND, FIRST, Identity(0, 0)), Sender(SECOND, FIRST, SECOND, Identity(0, 2000))
)
SEQUENCE = CallSequence(
    first=(),
    caller=(Exchange(("BC_TRANSACTION",), ("BR_NOOP", "BR_TRANSACTION_COMPLETE", "BR_REPLY")),),
    callee=(
        Exchange(("BC_ENTER_LOOPER",), ("BR_NOOP", "BR_TRANSACTION")),
        Exchange(("BC_FREE_BUFFER", "BC_REPLY"), ("BR_NOOP", "BR_TRANSACTION_COMPLETE")),
    ),
    traced=(Traced("callee", "BC_ENTER_LOOPER"), *call_claims.CALL),
    hops=(
        Hop(3, End(20, 21), End(10, 11), 2, 1, reply=False, one_way=False, sent=1.0, received=2.0),
        Hop(4, End(10, 11), End(20, 21), 0, 0, reply=True, one_way=False, sent=3.0, received=4.0),
    ),
    complete=True,
)
LATE = (
    call_claims.CALL[0],
    *call_claims.CALL[2:4],
    call_claims.CALL[1],
    *call_claims.CALL[4:],
)
STATES = LooperStates(
    tuple(Looper(written, state) for written, state in call_claims.LOOPER_STATES.items()), ("BR_NOOP",)
)
GROWTH = ThreadPoolGrowth(
    (
        PoolStep(0, 2, 0, ThreadPool(0, 0, 0)),
        PoolStep(1, 3, 1, ThreadPool(0, 1, 1)),
        PoolStep(3, 5, 2, ThreadPool(0, 3, 3)),
    ),
    (Looper(("BC_REGISTER_LOOPER",), ("REGISTERED",)),) * 3,
)
OBJECT = Node(0x1000, 7)
COUNTS = ReferenceCounts(
    OBJECT,
    (OBJECT,),
    tuple(
        Step(
            "owner" if index < len(object_claims.KEPT_FOR_OWNER) else "holder",
            *step,
            ObjectCounts(True, True, *object_claims.KEPT_FOR_OWNER[min(index, 2)], 1, 1),
        )
        for index, step in enumerate(object_claims.COUNTING)
    ),
)
HOME = Arrival("BINDER_TYPE_BINDER", OBJECT.ptr, OBJECT.cookie, target=OBJECT)
AWAY = Arrival("BINDER_TYPE_HANDLE", 1, 0, target=Node(0, 0))
TRANSLATION = Translation(OBJECT, AWAY, AWAY, HOME, HOME, (47, 47, 47))
DEATHS = Deaths(
    end="was killed by SIGKILL",
    before=(Notice("BR_CLEAR_DEATH_NOTIFICATION_DONE", CLEARED),),
    after=(Notice("BR_DEAD_BINDER", IN_TIME),),
    acknowledged=(True, False),
    call=("BR_NOOP", "BR_DEAD_REPLY"),
    too_late=(Notice("BR_DEAD_BINDER", TOO_LATE),),
)


def states(*loopers: Looper) -> Loopers:
    return Loopers(change(STATES, loopers=loopers), GROWTH)


def growth(**changes: object) -> Loopers:
    return Loopers(STATES, change(GROWTH, **changes))


CONFIRMING: list[Case] = [
    (claims.proto_version, VERSION, CONFIRMED),
    (claims.proto_ioctls, SURVEY, CONFIRMED),
    (claims.proto_write_or_read, WRITE_OR_READ, CONFIRMED),
    (claims.proto_free_buffer, FREED, CONFIRMED),
    (claims.proto_free_buffer, change(FREED, buffers_shown=None), CONFIRMED),
    (claims.proto_sender_identity, SENDERS, CONFIRMED),
    (call_claims.proto_call_sequence, SEQUENCE, CONFIRMED),
    (call_claims.proto_looper, Loopers(STATES, GROWTH), CONFIRMED),
    (object_claims.proto_refcounts, COUNTS, CONFIRMED),
    (object_claims.proto_translation, TRANSLATION, CONFIRMED),
    (object_claims.proto_translation, change(TRANSLATION, node_ids=None), CONFIRMED),
    (object_claims.proto_death, DEATHS, CONFIRMED),
    (object_claims.proto_death, change(DEATHS, acknowledged=(None, None)), CONFIRMED),
]
CASES: list[Case] = [
    *CONFIRMING,
    (claims.proto_version, change(VERSION, version=7), REFUTED),
    (claims.proto_version, change(VERSION, narrow="success"), REFUTED),
    (claims.proto_ioctls, change(SURVEY, supported=SURVEY.supported[1:]), REFUTED),
    (claims.proto_ioctls, change(SURVEY, others={"EINVAL": 2289, "ENOTTY": 1}), REFUTED),
    (claims.proto_ioctls, change(SURVEY, refused=("BINDER_FREEZE",), others={"EACCES": 2290}), NOT_TESTABLE),
    (claims.proto_ioctls, change(SURVEY, supported=(), others={"EACCES": 2290}), REFUTED),
    (
        claims.proto_ioctls,
        change(SURVEY, supported=SURVEY.supported[1:], refused=SURVEY.supported),
        NOT_TESTABLE,
    ),
    (claims.proto_write_or_read, change(WRITE_OR_READ, delivered=(1, 2, 4)), REFUTED),
    (claims.proto_write_or_read, change(WRITE_OR_READ, exchanges=READ_WITHOUT_SIZE), REFUTED),
    (claims.proto_free_buffer, change(FREED, after_one=0), REFUTED),
    (claims.proto_free_buffer, change(FREED, after_all=3), REFUTED),
    (claims.proto_sender_identity, change(SENDERS, second=change(SENDERS.second, call=FIRST)), REFUTED),
    (claims.proto_sender_identity, change(SENDERS, first=change(SENDERS.first, one_way=FIRST)), REFUTED),
    (call_claims.proto_call_sequence, change(SEQUENCE, traced=LATE), REFUTED),
    (call_claims.proto_call_sequence, change(SEQUENCE, traced=()), REFUTED),
    (call_claims.proto_looper, states(Looper((), ("INVALID",)), *STATES.loopers[1:]), REFUTED),
    (call_claims.proto_looper, growth(steps=(PoolStep(0, 2, 1, None), *GROWTH.steps[1:])), REFUTED),
    (call_claims.proto_looper, growth(registered=()), REFUTED),
    (object_claims.proto_refcounts, change(COUNTS, steps=COUNTS.steps[:-1]), REFUTED),
    (
        object_claims.proto_refcounts,
        change(COUNTS, steps=(*COUNTS.steps[:-1], change(COUNTS.steps[-1], owner_received=()))),
        REFUTED,
    ),
    (object_claims.proto_translation, change(TRANSLATION, node_ids=(47, 48, 47)), REFUTED),
    (object_claims.proto_translation, change(TRANSLATION, home_from_peer=AWAY), REFUTED),
    (object_claims.proto_translation, change(TRANSLATION, at_manager=HOME), REFUTED),
    (object_claims.proto_death, change(DEATHS, after=()), REFUTED),
    (
        object_claims.proto_death,
        change(DEATHS, after=(*DEATHS.after, Notice("BR_DEAD_BINDER", CLEARED))),
        REFUTED,
    ),
    (object_claims.proto_death, change(DEATHS, before=()), REFUTED),
    (object_claims.proto_death, change(DEATHS, too_late=()), REFUTED),
]
RUST: Facts = change(FACTS, driver="Rust")


def test_the_figures_that_confirm_are_as_expected() -> None:
    assert [unexpected(function, measured) for function, measured, _ in CONFIRMING] == [set()] * len(
        CONFIRMING
    )


@pytest.mark.parametrize(
    ("function", "measured", "names"),
    [
        (claims.proto_version, change(VERSION, version=7), {"version"}),
        (
            claims.proto_write_or_read,
            change(WRITE_OR_READ, delivered=(1, 2, 4)),
            {"codes_of_delivered_calls"},
        ),
        (claims.proto_free_buffer, change(FREED, at_first=3), {"payloads.at_first"}),
        (
            claims.proto_free_buffer,
            change(FREED, buffers_shown=(4, 4, 4, 0, 4)),
            {"buffers_after_each_step"},
        ),
        (call_claims.proto_call_sequence, change(SEQUENCE, complete=False), {"trace_complete"}),
        (
            call_claims.proto_call_sequence,
            change(SEQUENCE, hops=SEQUENCE.hops[:1]),
            {"is_reply_and_was_received"},
        ),
        (
            call_claims.proto_call_sequence,
            change(SEQUENCE, caller=()),
            {"callers_order.in_ioctls", "callers_order.in_trace"},
        ),
        (
            call_claims.proto_looper,
            states(Looper((), ("INVALID",)), *STATES.loopers[1:]),
            {"state_after.nothing"},
        ),
        (
            call_claims.proto_looper,
            growth(steps=(PoolStep(0, 2, 1, None), *GROWTH.steps[1:])),
            {"threads_requested"},
        ),
        (object_claims.proto_refcounts, change(COUNTS, named=(Node(1, 1),)), {"object_named_to_owner"}),
        (
            object_claims.proto_refcounts,
            change(COUNTS, steps=COUNTS.steps[3:]),
            {"strong_and_weak_kept_until_owner_answers"},
        ),
        (
            object_claims.proto_death,
            change(DEATHS, acknowledged=(True, True)),
            {"notice_pending.after_dead_binder_done"},
        ),
        (
            object_claims.proto_death,
            change(DEATHS, acknowledged=(False, False)),
            {"notice_pending.when_received"},
        ),
    ],
)
def test_other_figures_are_unexpected(function: VerdictFunction, measured: object, names: set[str]) -> None:
    assert unexpected(function, measured) == names


def test_what_only_the_c_driver_shows_is_expected_of_no_other() -> None:
    steps = tuple(
        change(step, object=ObjectCounts(True, True, None, None, None, None)) for step in COUNTS.steps
    )
    unacknowledged = change(DEATHS, acknowledged=(False, False))
    assert unexpected(object_claims.proto_refcounts, change(COUNTS, steps=steps))
    assert not unexpected(object_claims.proto_refcounts, change(COUNTS, steps=steps), RUST)
    assert not unexpected(object_claims.proto_death, unacknowledged, RUST)


@pytest.mark.parametrize(("kernel", "verdict"), [("6.1.0", REFUTED), ("4.16", REFUTED), ("4.14.180", None)])
def test_the_caller_is_notified_late_since_linux_4_16(kernel: str, verdict: Verdict | None) -> None:
    assert CLAIMS.get("proto.call-sequence").expected_verdict(change(FACTS, kernel_release=kernel)) is verdict


def unexpected(function: VerdictFunction, measured: object, facts: Facts = FACTS) -> set[str]:
    """The names of the figures that are other than expected."""
    figures = function(measured, facts).figures
    return {name for name, figure in figures.items() if not figure.as_expected}
