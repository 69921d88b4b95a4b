"""What a driver differs in from others, found by a program that tries it."""

from __future__ import annotations

import re

from harness.binder.abi import returns
from harness.binder.abi.commands import Acquire, RequestFreezeNotification
from harness.binder.abi.structures import FlatBinderFlag, TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.explore.comparison import Taker
from harness.model.features import Features
from harness.model.steps import MAPPED, Close, Control, Exchange, Open, Outcome, Payload, Transact

MANAGER, CALLER = 1, 2
ONE_WAY = int(TransactionFlag.TF_ONE_WAY)
WITH_CONTEXT = FlatBinderFlag.FLAT_BINDER_FLAG_TXN_SECURITY_CTX
SUSPECT = Exchange(CALLER, 1, (Transact(0, flags=ONE_WAY, payload=Payload(MAPPED // 2 - 100)),))
"""A one-way call that takes nearly all the space for them."""
FROZEN = Exchange(CALLER, 1, (Transact(0, flags=ONE_WAY),))
"""A one-way call to a frozen process, as the last step."""
NOTIFY = Exchange(CALLER, 2, (Acquire(0), RequestFreezeNotification(0, 1)), 0)
"""A request that some drivers do not know."""
CONTEXT = Exchange(CALLER, 2, (Transact(0),), 0)
"""A call to a node that asks for security contexts."""
REASON = Control(CALLER, 2, BinderIoctl.BINDER_GET_EXTENDED_ERROR)
"""Why that failed."""
SERVED = Exchange(MANAGER, 2)
"""A thread outside the pool, for which the call before is no work of its own."""
FIRST = Exchange(CALLER, 3)
"""The first read of a thread that has nothing to read."""
PROGRAM = (
    Open(MANAGER),
    Open(CALLER),
    FIRST,
    Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Control(CALLER, 1, BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION, (1,)),
    SUSPECT,
    SERVED,
    Close(MANAGER),
    Open(MANAGER),
    Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Control(MANAGER, 1, BinderIoctl.BINDER_FREEZE, (MANAGER, 1)),
    FROZEN,
    NOTIFY,
    Close(MANAGER),
    Open(MANAGER),
    Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, (0, 0, int(WITH_CONTEXT))),
    CONTEXT,
    REASON,
)


def find_features(taker: Taker) -> Features:
    """Take that program, and see."""
    try:
        taken = {step: taker.take(step, Outcome(), []) for step in PROGRAM}
    finally:
        taker.reset()
    buffers = taken[CONTEXT][1][f"process {MANAGER} buffers"]
    size = re.match(r"0:0:(\d+) ", buffers)
    return Features(
        reports_pending=returns.TransactionPendingFrozen() in taken[FROZEN][0].returns,
        counts_latest=returns.OnewaySpamSuspect() in taken[SUSPECT][0].returns,
        shows_offsets=not taken[FROZEN][1][f"process {MANAGER} buffers"].endswith("None"),
        shows_counts=not any("ls None" in each for each in taken[FROZEN][1].values()),
        serves_only_pool=not any(isinstance(each, returns.Transaction) for each in taken[SERVED][0].returns),
        returns_at_first=not taken[FIRST][0].result,
        notifies_of_freezing=not taken[NOTIFY][0].result,
        security_context=int(size[1]) if size else taken[REASON][0].answer[1],
    )
