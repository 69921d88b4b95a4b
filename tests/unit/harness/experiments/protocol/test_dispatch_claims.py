"""Verdicts on who gets a transaction, and when, over made-up measurements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.protocol import dispatch_claims as claims
from harness.experiments.protocol.deaths import Deaths
from harness.experiments.protocol.dispatch import CODES, OTHER_CODE, CallBack, CallsAtATime, OneWayDelivery
from harness.experiments.protocol.freezing import ONE_WAY_CALL, FrozenCalls
from harness.experiments.protocol.loopers import RequestedThreads
from tests.support.fake_device import FACTS
from tests.support.verdicts import CONDITIONAL, CONFIRMED, REFUTED, Case

change: Callable[..., Any] = dataclasses.replace

COMPLETE = ("BR_NOOP", "BR_TRANSACTION_COMPLETE")
ONE_WAY = OneWayDelivery((COMPLETE,) * 3, CODES[:1], (), (OTHER_CODE,), CODES, (1, 2, 1))
CALLS = CallsAtATime(((1,), (2,)), ((), ()))
BACK = CallBack(chained=(1, 0), unrelated=(0, 1))
FROZEN = FrozenCalls(("BR_NOOP", "BR_FROZEN_REPLY"), ("BR_NOOP", claims.PENDING), True, True, (ONE_WAY_CALL,))
DEATHS = Deaths("was killed by SIGKILL", (), (), (True, False), ("BR_NOOP", "BR_DEAD_REPLY"), ())

CASES: list[Case] = [
    (claims.one_way_at_once, ONE_WAY, CONFIRMED),
    (claims.one_way_at_once, change(ONE_WAY, returned=(COMPLETE, (), COMPLETE)), REFUTED),
    (claims.one_way_in_turn, ONE_WAY, CONFIRMED),
    (claims.one_way_in_turn, change(ONE_WAY, first=CODES[:2]), REFUTED),
    (claims.one_way_in_turn, change(ONE_WAY, meanwhile=CODES[1:2]), REFUTED),
    (claims.one_way_in_turn, change(ONE_WAY, order=(1, 3, 2)), REFUTED),
    (claims.one_way_in_turn, change(ONE_WAY, order=(1, 2)), REFUTED),
    (claims.one_way_other_object, ONE_WAY, CONFIRMED),
    (claims.one_way_other_object, change(ONE_WAY, of_other=()), REFUTED),
    (claims.one_way_other_object, change(ONE_WAY, meanwhile=CODES[1:2]), REFUTED),
    (claims.one_way_other_thread, ONE_WAY, CONFIRMED),
    (claims.one_way_other_thread, change(ONE_WAY, threads=(1, 1, 1)), REFUTED),
    (claims.call_at_a_time, CALLS, CONFIRMED),
    (claims.call_at_a_time, change(CALLS, received=((1,), ())), REFUTED),
    (claims.call_at_a_time, change(CALLS, received=((1, 2), ())), REFUTED),
    (claims.call_waits, CALLS, CONFIRMED),
    (claims.call_waits, change(CALLS, returned=(("BR_NOOP",), ())), CONFIRMED),
    (claims.call_waits, change(CALLS, returned=(("BR_NOOP", "BR_REPLY"), ())), REFUTED),
    (claims.call_waits, change(CALLS, received=((1,), ())), REFUTED),
    (claims.call_back, BACK, CONFIRMED),
    (claims.call_back, change(BACK, chained=(0, 1)), REFUTED),
    (claims.call_back, change(BACK, unrelated=(1, 0)), REFUTED),
    (claims.looper_enter, RequestedThreads(5, 3, 3, 1), REFUTED),
    (claims.looper_enter, RequestedThreads(5, 3, 3, 3), CONFIRMED),
    (claims.looper_enter, RequestedThreads(5, 3, 1, 1), REFUTED),
    (claims.death_dead_reply, DEATHS, CONFIRMED),
    (claims.death_dead_reply, change(DEATHS, call=("BR_FAILED_REPLY",)), REFUTED),
    (claims.death_dead_reply, change(DEATHS, call=()), REFUTED),
    (claims.frozen_call, FROZEN, CONFIRMED),
    (claims.frozen_call, change(FROZEN, call=("BR_TRANSACTION_COMPLETE",)), REFUTED),
    (claims.frozen_call, change(FROZEN, called_since=False), REFUTED),
    (claims.frozen_one_way, FROZEN, CONFIRMED),
    (claims.frozen_one_way, change(FROZEN, one_way=COMPLETE), CONDITIONAL),
    (claims.frozen_one_way, change(FROZEN, afterwards=()), CONDITIONAL),
    (claims.frozen_one_way, change(FROZEN, one_way=("BR_FROZEN_REPLY",), afterwards=()), REFUTED),
]


@pytest.mark.parametrize(("kernel", "verdict"), [("6.12.48", CONFIRMED), ("6.3", CONFIRMED), ("6.1.0", None)])
def test_a_sender_learns_of_the_freezer_since_linux_6_3(kernel: str, verdict: Verdict | None) -> None:
    facts = change(FACTS, kernel_release=kernel)
    assert CLAIMS.get("frozen.one-way").expected_verdict(facts) is verdict
