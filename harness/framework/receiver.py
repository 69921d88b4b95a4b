"""Broadcast receivers in Python: a process on the device, registered at the activity manager."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from harness.binder.errors import ParcelError, StatusError
from harness.binder.parcels.status import StatusCode
from harness.binder.services.interface import Interface
from harness.binder.services.service import BINDER
from harness.binder.serving.call import Call
from harness.framework.activity_manager import PACKAGE, ActivityManager, Received, Result, read_received
from harness.framework.intent import USER_CURRENT, Intent, IntentFilter
from harness.framework.transaction_codes import INTENT_RECEIVER

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

PERFORM_RECEIVE = 1
"""The code of IIntentReceiver's only method."""

RECEIVE_SECONDS = 10.0

OnReceive = Callable[[Received], Result | None]
"""What a receiver does; a Result changes that of an ordered broadcast."""


class Receiver:
    """A registered receiver, or a sender that waits for its broadcast's end, and what it was told."""

    def __init__(self, manager: ActivityManager, binder: Binder, on_receive: OnReceive | None = None) -> None:
        self.manager = manager
        self.binder = binder
        self._on_receive = on_receive
        self._received: queue.SimpleQueue[Received | ParcelError] = queue.SimpleQueue()
        self.node: Node = binder.add_node(
            Interface(descriptor=INTENT_RECEIVER, methods=self._perform_receive, wire=manager.wire)
        )

    @property
    def pid(self) -> int:
        """Its process."""
        return self.binder.process.pid

    def next(self, deadline: Deadline | None = None) -> Received:
        """The next broadcast; TimeLimitError where none arrives by the deadline (10 s unless given).

        Raises ParcelError for one that could not be read; those after it arrive all the same.
        """
        deadline = deadline or Deadline(RECEIVE_SECONDS)
        try:
            received = self._received.get(timeout=deadline.remaining())
        except queue.Empty:
            raise TimeLimitError(
                f"a broadcast to process {self.pid}: not within {deadline.seconds:g} s. Was it sent, with an "
                "action that the filter has, and does `dumpsys activity broadcasts` know of it?"
            ) from None
        if isinstance(received, ParcelError):
            raise received
        return received

    def _perform_receive(self, call: Call) -> None:
        if call.code != PERFORM_RECEIVE:
            raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
        try:
            received = read_received(call.data)
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


def _checked(result: object) -> Result | None:
    """What a receiver returned; UsageError where that is no result."""
    if result is None or isinstance(result, Result):
        return result
    raise UsageError(
        f"a receiver returned {result!r}, of type {type(result).__name__}: it has to return a Result or None."
    )


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

    `on_receive` is called for each, `Receiver.next` waits for one. If it raises, the process is killed, as
    an app would be, and the block ends in HandlerError. Raises what ActivityManager's methods do.
    """
    with device.process() as process, _served(process) as binder:
        receiver = Receiver(ActivityManager.find(device, binder), binder, on_receive)
        wanted = IntentFilter(actions=actions, priority=priority)
        receiver.manager.register_receiver(receiver.node, wanted, package=package, user=user)
        yield receiver


@contextmanager
def open_sender(device: Device, *, uid: int | None = None) -> Iterator[Sender]:
    """Start a process that sends broadcasts, as another user if given."""
    with device.process(uid=uid) as process, _served(process) as binder:
        yield Sender(ActivityManager.find(device, binder), binder)


class Sender:
    """A process that sends broadcasts."""

    def __init__(self, manager: ActivityManager, binder: Binder) -> None:
        self.manager = manager
        self.binder = binder

    @property
    def pid(self) -> int:
        """Its process."""
        return self.binder.process.pid

    def send(self, intent: Intent, *, user: int = USER_CURRENT) -> int:
        """Send an unordered broadcast and await nobody; what the activity manager returns."""
        return self.manager.broadcast(intent, user=user)

    def send_ordered(
        self, intent: Intent, deadline: Deadline, *, result: Result | None = None, user: int = USER_CURRENT
    ) -> Result | None:
        """Send an ordered broadcast, and return what its receivers made of `result`.

        None where nobody is told, since the user is not there. TimeLimitError where it does not end by the
        deadline: a receiver that never finishes holds it up for ten seconds or more.
        """
        end = Receiver(self.manager, self.binder)
        sent = self.manager.broadcast(intent, ordered=True, result_to=end.node, result=result, user=user)
        return None if sent != 0 else end.next(deadline).result


@contextmanager
def _served(process: DeviceProcess) -> Iterator[Binder]:
    with Binder.open(process, BINDER) as binder:
        binder.serve()
        yield binder
