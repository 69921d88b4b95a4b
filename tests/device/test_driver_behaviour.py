"""The programs of docs/driver-behaviour.md: the driver does what the page says, and so does the model."""

from __future__ import annotations

import errno

import pytest

from harness.device.device import Device
from harness.explore.comparison import Comparison
from harness.explore.names import (
    Acquire,
    Binder,
    BinderIoctl,
    Close,
    Control,
    Exchange,
    Free,
    IncrefsDone,
    Open,
    Payload,
    Pointer,
    Reply,
    RequestDeathNotification,
    RequestFreezeNotification,
    Transact,
    replay,
)
from harness.explore.taking.actors import Actors, free_node
from harness.model.steps import Outcome
from harness.model.world import view_of

pytestmark = [pytest.mark.requires("free_binder"), pytest.mark.requires("binder_debug")]

ONE_WAY = 1

FIRST_READ = (
    Open(1),
    Exchange(1, 1),  # returns BR_NOOP
    Exchange(1, 1),  # EAGAIN
)

FAILED_REPLY = (
    Open(1),
    Open(2, 4096),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Transact(0),), 0),
    Exchange(1, 1),
    Exchange(1, 1, (Reply(payload=Payload(5000)),)),  # BR_TRANSACTION_COMPLETE
    Exchange(2, 1),  # BR_FAILED_REPLY
)

UNREAD_ERROR = (
    Open(1),
    Exchange(1, 1, (Transact(7),), 0),
    Exchange(1, 1, (Acquire(0), Acquire(0)), 0),  # succeeds, and consumes nothing
)

EXIT_IN_OUTER_CALL = (
    Open(1),
    Open(2),
    Open(3),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(3, 1, (Transact(0, 1, ONE_WAY, Payload(0, (Binder(0x10, 0x99),))),)),
    Exchange(1, 1),
    Exchange(2, 1, (Transact(0),), 0),  # 2 calls 1
    Exchange(1, 1),
    Exchange(1, 1, (Transact(1),), 0),  # which calls 3
    Exchange(3, 2),
    Control(1, 1, BinderIoctl.BINDER_THREAD_EXIT),
    Exchange(2, 1),  # EAGAIN: nobody has told 2
    Exchange(3, 2, (Reply(),)),
    Exchange(2, 1),  # BR_DEAD_REPLY
)

LOST_NEWS = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Transact(0, 1, ONE_WAY, Payload(0, (Binder(0x10, 0x99),))),), 0),
    Control(2, 1, BinderIoctl.BINDER_THREAD_EXIT),
    Exchange(2, 2),  # BR_NOOP: no BR_INCREFS, no BR_ACQUIRE
    Exchange(2, 2),
)

NEW_MANAGER = (
    Open(1),
    Open(2),
    Open(3),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Acquire(0),)),
    Close(1),
    Control(3, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Acquire(0),)),  # takes a new reference, at handle 1
    Exchange(2, 1, (Transact(0, 1, ONE_WAY),)),  # reaches 3, though handle 0 is a reference to 1's dead node
    Exchange(3, 1),
)

ANY_THREAD = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Transact(0, 1, ONE_WAY),)),
    Exchange(1, 2),  # a thread that never wrote BC_ENTER_LOOPER
)


FIRST_OBJECT = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Transact(0, payload=Payload(0, (Pointer(8), Pointer(8, parent=0)))),)),  # BR_FAILED_REPLY
    Exchange(2, 1, (Transact(0, payload=Payload(0, (Pointer(0), Pointer(8), Pointer(8, parent=1)))),), 0),
    Exchange(1, 1),  # BR_TRANSACTION
)

REQUESTED_TWICE = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(
        2, 1, (Acquire(0), RequestDeathNotification(0, 1), RequestDeathNotification(0, 1)), 0
    ),  # succeeds
    Exchange(2, 1, (*[RequestFreezeNotification(0, 1)] * 2,), 0),  # EINVAL
)

LAST_WAITS_FIRST = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(1, 2),  # a thread's first read would return at once
    Exchange(1, 1, waits=True),
    Exchange(1, 2, waits=True),
    Exchange(2, 1, (Transact(0, 1, ONE_WAY),)),  # wakes the second
)

WORK_BY_LOOKING = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Transact(0, 1, ONE_WAY, Payload(0, (Binder(0x10, 0x99),))),)),
    Exchange(1, 1),
    Exchange(1, 1, (Free(0),), 0),
    Exchange(2, 1, (IncrefsDone(0x10, 0x99),)),  # BR_ACQUIRE is not acknowledged
    Exchange(2, 1),  # EAGAIN: nothing to read, and yet `state` shows "node work" after it
)


def codes(outcome: Outcome) -> list[str]:
    return [each.TAG.name.removeprefix("BR_") for each in outcome.returns]


def test_the_first_read_of_a_thread_returns_at_once(device: Device) -> None:
    *_, first, second = replay(device, *FIRST_READ)
    assert codes(first) == ["NOOP"]
    assert second.result == -errno.EAGAIN


def test_a_reply_that_fails_is_complete_for_who_sent_it(device: Device) -> None:
    *_, replier, caller = replay(device, *FAILED_REPLY)
    assert codes(replier) == ["NOOP", "TRANSACTION_COMPLETE"]
    assert codes(caller) == ["NOOP", "TRANSACTION_COMPLETE", "FAILED_REPLY"]


def test_an_unread_error_stops_later_writes_in_silence(device: Device) -> None:
    last = replay(device, *UNREAD_ERROR)[-1]
    assert (last.result, last.consumed) == (0, 0)


def test_a_caller_waits_for_a_thread_that_has_ended_in_a_call_of_its_own(device: Device) -> None:
    *_, before, _, after = replay(device, *EXIT_IN_OUTER_CALL)
    assert before.result == -errno.EAGAIN
    assert codes(after) == ["NOOP", "TRANSACTION_COMPLETE", "DEAD_REPLY"]


def test_what_a_thread_has_not_read_about_a_node_is_lost_with_it(device: Device) -> None:
    *_, first, second = replay(device, *LOST_NEWS)
    assert codes(first) == ["NOOP"]
    assert second.result == -errno.EAGAIN


def test_handle_0_is_the_context_manager_whatever_it_refers_to(device: Device) -> None:
    *_, last = replay(device, *NEW_MANAGER)
    assert codes(last) == ["NOOP", "TRANSACTION"]


def test_the_driver_in_c_gives_work_to_a_thread_outside_the_pool(device: Device) -> None:
    last = replay(device, *ANY_THREAD)[-1]
    assert codes(last) == ["NOOP", "TRANSACTION"]


def test_the_memory_of_the_first_object_takes_no_address(device: Device) -> None:
    *_, first, _, second = replay(device, *FIRST_OBJECT)
    assert codes(first) == ["NOOP", "FAILED_REPLY"]
    assert codes(second) == ["NOOP", "TRANSACTION"]


def test_mistakes_about_freeze_notifications_end_the_write(device: Device) -> None:
    *_, deaths, freezes = replay(device, *REQUESTED_TWICE)
    assert (deaths.result, freezes.result) == (0, -errno.EINVAL)


def test_who_began_to_wait_last_is_woken_first(device: Device) -> None:
    ((process, thread, woken),) = replay(device, *LAST_WAITS_FIRST)[-1].woken
    assert (process, thread, codes(woken)) == (1, 2, ["NOOP", "TRANSACTION"])


def test_reading_the_state_gives_an_owner_work(device: Device) -> None:
    """The model says so, and the driver agrees: it reads nothing, and shows work for the next read."""
    actors = Actors(device, free_node(device))
    comparison = Comparison(actors)
    try:
        last = [comparison.take(step) for step in WORK_BY_LOOKING][-1]
    finally:
        actors.reset()
    assert last.result == -errno.EAGAIN
    shown = view_of(comparison.worlds.likely)
    assert shown["process 2"] == "; node work 0x10 0x99"
