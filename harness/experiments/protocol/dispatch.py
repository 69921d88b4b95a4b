"""Which thread gets a transaction, and when: one-way calls, calls at a time, calls back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Node, Parcel
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.commands import EnterLooper
from harness.binder.abi.structures import TransactionFlag
from harness.binder.driver.received import ReceivedBuffer
from harness.binder.thread.binder_thread import BinderThread
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.non_blocking import (
    drain,
    exchange,
    names,
    obtain_object,
    only,
    open_non_blocking,
)

if TYPE_CHECKING:
    from harness.device.device import Device

MANAGER = 0
OTHER, CALLED_BACK = Node(ptr=0x1000, cookie=1), Node(ptr=0x2000, cookie=2)
CODES = (1, 2, 3)
"""Of the calls to one object, in the order in which they are made."""
OTHER_CODE = 9
ONE_WAY = TransactionFlag.TF_ONE_WAY


@dataclass(frozen=True, slots=True)
class OneWayDelivery:
    """Three one-way calls to one object, and one to another, that a process with two threads receives."""

    returned: tuple[tuple[str, ...], ...]
    """What each of the three brought its sender, in the ioctl that made it, when nobody had read any."""
    first: tuple[int, ...]
    """The codes that the first thread gets of the three."""
    meanwhile: tuple[int, ...]
    """Those that the second thread gets while the first has not freed its buffer."""
    of_other: tuple[int, ...]
    """Those that it gets of the other object, meanwhile."""
    order: tuple[int, ...]
    """The codes of the three in the order in which they were received, each after the last one was freed."""
    threads: tuple[int, ...]
    """Which thread received each: 1 or 2."""


@measurement("one-way-delivery", "When and by which thread one-way calls to the same object are received.")
def measure_one_way_delivery(device: Device) -> OneWayDelivery:
    """Make the calls first, then let two threads read and free in turns."""
    with open_non_blocking(device) as pair:
        threads = (pair.server.main, pair.server.on_new_thread())
        threads[1].queue.write(EnterLooper())
        other = obtain_object(pair, OTHER)
        returned = tuple(
            names(exchange(pair.client, commands.Transaction(target=MANAGER, code=code, flags=ONE_WAY)))
            for code in CODES
        )
        received = [_calls(threads[0])]
        meanwhile = _calls(threads[1])
        exchange(pair.client, commands.Transaction(target=other, code=OTHER_CODE, flags=ONE_WAY))
        of_other = _calls(threads[1])
        by = [1]
        while received[-1] and len(received) < len(CODES):
            for call in received[-1]:
                threads[by[-1] - 1].queue.write(commands.FreeBuffer(call.buffer))
            by.append(3 - by[-1])
            received.append(_calls(threads[by[-1] - 1]))
        order = [(call.code, thread) for calls, thread in zip(received, by, strict=True) for call in calls]
        return OneWayDelivery(
            returned=returned,
            first=_codes(received[0]),
            meanwhile=_codes(meanwhile),
            of_other=_codes(of_other),
            order=tuple(code for code, _ in order),
            threads=tuple(thread for _, thread in order),
        )


@dataclass(frozen=True, slots=True)
class CallsAtATime:
    """Two calls that are made before either is answered, to a process with two threads."""

    received: tuple[tuple[int, ...], ...]
    """The codes that each thread receives, none of which is answered."""
    returned: tuple[tuple[str, ...], ...]
    """What each caller has been returned meanwhile, without BR_TRANSACTION_COMPLETE."""


@measurement("calls-at-a-time", "Whether two threads of a process receive calls at the same time.")
def measure_calls_at_a_time(device: Device) -> CallsAtATime:
    """Two threads call the same object, and two threads of its process read."""
    with open_non_blocking(device) as pair:
        callers = (pair.client.main, pair.client.on_new_thread())
        for code, caller in enumerate(callers, 1):
            exchange(caller, commands.Transaction(target=MANAGER, code=code))
        threads = (pair.server.main, pair.server.on_new_thread())
        received = tuple(_codes(_calls(thread, EnterLooper())) for thread in threads)
        returned = (names(drain(caller)) for caller in callers)
        complete = returns.TransactionComplete.TAG.name
        return CallsAtATime(
            received, tuple(tuple(name for name in each if name != complete) for each in returned)
        )


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call to a process, one of whose threads waits for its own call to be answered."""

    chained: tuple[int, int]
    """How many calls the waiting thread and an idle one receive, where the call is made on its behalf."""
    unrelated: tuple[int, int]
    """How many, where another thread of the same process makes it."""


@measurement("call-back", "Which thread of a process that waits in a call receives a call back.")
def measure_call_back(device: Device) -> CallBack:
    """Call with an object of one's own; the thread that serves calls it back, or another one does."""
    return CallBack(_called_back(device, chained=True), _called_back(device, chained=False))


def _called_back(device: Device, *, chained: bool) -> tuple[int, int]:
    with open_non_blocking(device) as pair:
        waiting, idle = pair.client.main, pair.client.on_new_thread()
        idle.queue.write(EnterLooper())
        carried = waiting.ioctls.payloads.load(
            commands.Transaction(target=MANAGER), Parcel().node(CALLED_BACK)
        )
        exchange(waiting, carried)
        serving = pair.server.main
        call = only(returns.Transaction, exchange(serving, EnterLooper()))
        (handle,) = objects.handles(*ReceivedBuffer(serving.ioctls, call).read())
        caller = serving if chained else pair.server.on_new_thread()
        exchange(caller, commands.Transaction(target=handle))
        # The idle one reads first: it would get what anybody may take.
        by_idle = len(_calls(idle))
        return len(_calls(waiting)), by_idle


def _calls(thread: BinderThread, *written: commands.Command) -> list[returns.Transaction]:
    """The calls that a thread receives now."""
    returned = (*exchange(thread, *written), *drain(thread))
    return [each for each in returned if isinstance(each, returns.Transaction)]


def _codes(calls: list[returns.Transaction]) -> tuple[int, ...]:
    return tuple(call.code for call in calls)
