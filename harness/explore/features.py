"""What a driver differs in from others, found by a program that tries it."""

from __future__ import annotations

from harness.binder.abi import returns
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.explore.comparison import Taker
from harness.model.records import Features
from harness.model.steps import MAPPED, Close, Control, Exchange, Open, Outcome, Payload, Transact

MANAGER, CALLER = 1, 2
ONE_WAY = int(TransactionFlag.TF_ONE_WAY)
SUSPECT = Exchange(CALLER, 1, (Transact(0, flags=ONE_WAY, payload=Payload(MAPPED // 2 - 100)),))
"""A one-way call that takes nearly all the space for them."""
FROZEN = Exchange(CALLER, 1, (Transact(0, flags=ONE_WAY),))
"""A one-way call to a frozen process, as the last step."""
PROGRAM = (
    Open(MANAGER),
    Open(CALLER),
    Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Control(CALLER, 1, BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION, (1,)),
    SUSPECT,
    Close(MANAGER),
    Open(MANAGER),
    Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Control(MANAGER, 1, BinderIoctl.BINDER_FREEZE, (MANAGER, 1)),
    FROZEN,
)


def find_features(taker: Taker) -> Features:
    """Take that program, and see."""
    try:
        taken = {step: taker.take(step, Outcome(), []) for step in PROGRAM}
    finally:
        taker.reset()
    return Features(
        reports_pending=returns.TransactionPendingFrozen() in taken[FROZEN][0].returns,
        counts_latest=returns.OnewaySpamSuspect() in taken[SUSPECT][0].returns,
        shows_offsets=not taken[FROZEN][1][f"process {MANAGER} buffers"].endswith("None"),
    )
