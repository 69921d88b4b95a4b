"""Broadcast receivers and senders in Python: processes on the device that call the activity manager."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.argument_types import checked, checked_methods
from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from harness.binder.errors import ParcelError, StatusError
from harness.binder.parcels.status import StatusCode
from harness.binder.services.interface import Interface
from harness.binder.services.service import BINDER
from harness.binder.serving.call import Call
from harness.framework.activity_manager import (
    BROADCAST_SUCCESS,
    PACKAGE,
    ActivityManager,
    BroadcastResult,
    ReceivedBroadcast,
    read_broadcast,
)
from harness.framework.intent import USER_CURRENT, Intent, IntentFilter
from harness.framework.transaction_codes import INTENT_RECEIVER

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

PERFORM_RECEIVE = 1
"""The code of IIntentReceiver's only method."""

RECEIVE_SECONDS = 10.0

OnReceive = Callable[[ReceivedBroadcast], BroadcastResult | None]
"""What a receiver does; the BroadcastResult that it returns replaces that of an ordered broadcast."""


@checked_methods
class Receiver:
    """A registered receiver, or the one that gets an ordered broadcast's end for its sender."""

    def __init__(self, manager: ActivityManager, binder: Binder, on_receive: OnReceive | None = None) -> None:
        self.manager = manager
        self.binder = binder
        self._on_receive = on_receive
        self._received: queue.SimpleQueue[ReceivedBroadcast | ParcelError] = queue.SimpleQueue()
        self.node: Node = binder.add_node(
            Interface(descriptor=INTENT_RECEIVER, methods=self._perform_receive, wire=manager.wire)
        )

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self.binder.process.pid

    def next(self, deadline: Deadline | None = None) -> ReceivedBroadcast:
        """The next broadcast; TimeLimitError where none arrives by the deadline (10 s unless given).

        Raises ParcelError for one that cannot be read; the next call returns the one after it.
        """
        deadline = deadline or Deadline(RECEIVE_SECONDS)
        try:
            received = self._received.get(timeout=deadline.remaining())
        except queue.Empty:
            raise deadline.missed(
                f"a broadcast to process {self.pid}",
                "Was it sent, with an action of the filter, and does `dumpsys activity broadcasts` show it?",
            ) from None
        if isinstance(received, ParcelError):
            raise received
        return received

    def _perform_receive(self, call: Call) -> None:
        if call.code != PERFORM_RECEIVE:
            raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
        try:
            received = read_broadcast(call.data)
        except ParcelError as error:
            self._received.put(error)
            raise StatusError(StatusCode.BAD_VALUE) from error
        self._received.put(received)
        try:
            result = _checked(self._on_receive(received)) if self._on_receive is not None else None
        except Exception:
            call.thread.file.process.kill()  # as Android does with an app whose receiver throws
            raise
        if received.ordered:
            self.manager.finish_receiver(call.thread, self.node, result or received.result)


def _checked(result: object) -> BroadcastResult | None:
    """What a receiver returned; UsageError where that is not a result."""
    if result is None or isinstance(result, BroadcastResult):
        return result
    raise UsageError(
        f"a receiver returned {result!r}, of type {type(result).__name__}: "
        "it has to return a BroadcastResult or None."
    )


@checked
@contextmanager
def open_receiver(
    device: Device,
    *actions: str,
    on_receive: OnReceive | None = None,
    priority: int = 0,
    package: str = PACKAGE,
    user: int = USER_CURRENT,
) -> Iterator[Receiver]:
    """Start a process that receives broadcasts with one of these actions, until the end of the block.

    `on_receive` is called for each, `Receiver.next` waits for one. If `on_receive` raises, the process is
    killed, as an app would be, and the block ends in HandlerError. Raises what ActivityManager's methods do.
    """
    with device.process() as process, _serving(process) as binder:
        receiver = Receiver(ActivityManager.find(device, binder), binder, on_receive)
        intent_filter = IntentFilter(actions=actions, priority=priority)
        receiver.manager.register_receiver(receiver.node, intent_filter, package=package, user=user)
        yield receiver


@checked
@contextmanager
def open_sender(device: Device, *, uid: int | None = None) -> Iterator[Sender]:
    """Start a process that sends broadcasts, as another user if given."""
    with device.process(uid=uid) as process, _serving(process) as binder:
        yield Sender(ActivityManager.find(device, binder), binder)


@checked_methods
class Sender:
    """A process that sends broadcasts."""

    def __init__(self, manager: ActivityManager, binder: Binder) -> None:
        self.manager = manager
        self.binder = binder

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self.binder.process.pid

    def send(self, intent: Intent, *, user: int = USER_CURRENT) -> int:
        """Send an unordered broadcast without waiting for receivers; what the activity manager returns."""
        return self.manager.broadcast(intent, user=user)

    def send_ordered(
        self,
        intent: Intent,
        deadline: Deadline,
        *,
        result: BroadcastResult | None = None,
        user: int = USER_CURRENT,
    ) -> BroadcastResult | None:
        """Send an ordered broadcast, and return the result of its receivers, which starts as `result`.

        None where no receiver gets it because the user is not started. TimeLimitError where it does not end
        by the deadline: a receiver that never finishes delays it by ten seconds or more.
        """
        end = Receiver(self.manager, self.binder)
        status = self.manager.broadcast(intent, ordered=True, result_to=end.node, result=result, user=user)
        return None if status != BROADCAST_SUCCESS else end.next(deadline).result


@contextmanager
def _serving(process: DeviceProcess) -> Iterator[Binder]:
    with Binder.open(process, BINDER) as binder:
        binder.serve()
        yield binder
