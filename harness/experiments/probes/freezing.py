"""Probes of frozen processes, and of notifications about them."""

from __future__ import annotations

from harness.binder.abi import commands
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.instruments.non_blocking import drain, exchange
from harness.experiments.probes.bench import Bench, shown
from harness.experiments.probes.probe import probe

NOBODY = 4_000_000
"""A process id above the largest there is (PID_MAX_LIMIT, 4,194,304, is never reached here)."""
COOKIE = 0xF1


def _freeze(bench: Bench, *, enable: bool = True) -> None:
    bench.client.controls.freeze(bench.pair.server_process.pid, enable=enable)


def _status(bench: Bench) -> str:
    info = bench.client.controls.get_frozen_info(bench.pair.server_process.pid)
    return f"sync_recv {info.sync_recv}, async_recv {info.async_recv}"


@probe("freeze.nobody", trap="A freezer is not told that it has frozen nobody.")
def nobody(bench: Bench) -> None:
    """What is the error for freezing a process that does not have Binder open?"""
    bench.client.controls.freeze(NOBODY)


@probe("freeze.status-nobody")
def status_nobody(bench: Bench) -> object:
    """And for asking whether such a process is frozen?"""
    return bench.client.controls.get_frozen_info(NOBODY)


@probe("freeze.itself")
def itself(bench: Bench) -> None:
    """May a process freeze itself?"""
    bench.client.controls.freeze(bench.pair.client_process.pid)


@probe("freeze.twice")
def twice(bench: Bench) -> None:
    """May a frozen process be frozen again?"""
    _freeze(bench)
    _freeze(bench)


@probe("freeze.thaw")
def thaw(bench: Bench) -> None:
    """May a process be thawed that is not frozen?"""
    _freeze(bench, enable=False)


@probe(
    "freeze.call-pending", trap="A freezer that takes the error for a failure never freezes a busy process."
)
def call_pending(bench: Bench) -> None:
    """May a process be frozen that has an unread call?"""
    exchange(bench.client, commands.Transaction(target=0))
    _freeze(bench)


@probe("freeze.one-way-pending")
def one_way_pending(bench: Bench) -> None:
    """And with an unread one-way call?"""
    bench.send(flags=TransactionFlag.TF_ONE_WAY)
    _freeze(bench)


@probe("freeze.call")
def call(bench: Bench) -> object:
    """What does a caller of a frozen process get?"""
    _freeze(bench)
    return bench.sent()


@probe("freeze.call-status")
def call_status(bench: Bench) -> object:
    """What does the state of a frozen process show after a call?"""
    _freeze(bench)
    bench.send()
    return _status(bench)


@probe("freeze.one-way")
def one_way(bench: Bench) -> object:
    """What does the sender of a one-way call to a frozen process get?"""
    _freeze(bench)
    return bench.sent(flags=TransactionFlag.TF_ONE_WAY)


@probe("freeze.one-way-status")
def one_way_status(bench: Bench) -> object:
    """What does the state of a frozen process show after a one-way call?"""
    _freeze(bench)
    bench.send(flags=TransactionFlag.TF_ONE_WAY)
    return _status(bench)


@probe("freeze.one-way-after")
def one_way_after(bench: Bench) -> object:
    """Does that one-way call arrive when the process is thawed?"""
    exchange(bench.server, commands.EnterLooper())
    _freeze(bench)
    bench.send(flags=TransactionFlag.TF_ONE_WAY)
    _freeze(bench, enable=False)
    return shown(drain(bench.server))


@probe("freeze.update")
def update(bench: Bench) -> object:
    """Does TF_UPDATE_TXN replace an earlier one-way call to a frozen process?"""
    exchange(bench.server, commands.EnterLooper())
    _freeze(bench)
    flags = TransactionFlag.TF_ONE_WAY | TransactionFlag.TF_UPDATE_TXN
    for _ in range(3):
        bench.send(code=7, flags=flags)
    _freeze(bench, enable=False)
    return shown(drain(bench.server))


@probe("freeze.status-after")
def status_after(bench: Bench) -> object:
    """Does thawing reset the state?"""
    _freeze(bench)
    bench.send()
    _freeze(bench, enable=False)
    return _status(bench)


@probe("freeze-notice.request")
def request(bench: Bench) -> object:
    """What does a request for freeze notifications bring at once?"""
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0))
    return bench.write(commands.RequestFreezeNotification(0, COOKIE))


@probe("freeze-notice.handle")
def handle(bench: Bench) -> object:
    """And for a handle that is not known?"""
    return bench.write(commands.RequestFreezeNotification(99, COOKIE))


@probe("freeze-notice.twice")
def requested_twice(bench: Bench) -> object:
    """And twice, with the same cookie?"""
    exchange(bench.client, commands.Acquire(0), commands.RequestFreezeNotification(0, COOKIE))
    return bench.write(commands.RequestFreezeNotification(0, COOKIE))


@probe("freeze-notice.frozen")
def frozen(bench: Bench) -> object:
    """What arrives when the process is frozen, after the first notification was acknowledged?"""
    request = commands.RequestFreezeNotification(0, COOKIE)
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0), request)
    drain(bench.client)
    exchange(bench.client, commands.FreezeNotificationDone(COOKIE))
    _freeze(bench)
    return shown(drain(bench.client))


@probe("freeze-notice.unacknowledged")
def unacknowledged(bench: Bench) -> object:
    """And without the acknowledgement?"""
    request = commands.RequestFreezeNotification(0, COOKIE)
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0), request)
    drain(bench.client)
    _freeze(bench)
    return shown(drain(bench.client))


@probe("freeze-notice.clear")
def clear(bench: Bench) -> object:
    """What does taking a request back bring?"""
    request = commands.RequestFreezeNotification(0, COOKIE)
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0), request)
    drain(bench.client)
    exchange(bench.client, commands.FreezeNotificationDone(COOKIE))
    exchange(bench.client, commands.ClearFreezeNotification(0, COOKIE))
    return shown(drain(bench.client))


@probe("freeze-notice.clear-nothing")
def clear_nothing(bench: Bench) -> object:
    """And without a request?"""
    return bench.write(commands.Acquire(0), commands.ClearFreezeNotification(0, COOKIE))


@probe("freeze-notice.clear-cookie")
def clear_cookie(bench: Bench) -> object:
    """And with another cookie?"""
    exchange(bench.client, commands.Acquire(0), commands.RequestFreezeNotification(0, COOKIE))
    return bench.write(commands.ClearFreezeNotification(0, COOKIE + 1))


@probe("freeze-notice.done-nothing")
def done_nothing(bench: Bench) -> object:
    """What does an acknowledgement do that acknowledges nothing?"""
    return bench.write(commands.FreezeNotificationDone(COOKIE))
