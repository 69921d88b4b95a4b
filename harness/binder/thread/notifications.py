"""Death and freeze notifications: requested by a thread, delivered to its process, awaited by cookie."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import TypeVar

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, UsageError
from harness.argument_types import checked_methods
from harness.binder.abi import commands, returns
from harness.binder.abi.returns import Return
from harness.binder.abi.uapi import BinderCommand
from harness.binder.driver.command_queue import CommandQueue
from harness.binder.driver.ioctls import CALL_SECONDS
from harness.binder.errors import DriverRefusedError

Kind = TypeVar("Kind", bound=Return)
NO_FREEZE_NOTIFICATIONS = (
    "the driver does not know BC_REQUEST_FREEZE_NOTIFICATION, which mainline's has from Linux 6.12 on"
)


class Delivered:
    """The notifications that any thread of an open file has received and nobody has taken yet."""

    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._changed = threading.Condition()
        self._notifications: list[Return] = []

    def add(self, notification: Return) -> None:
        """Keep a notification, and wake whoever waits for it."""
        with self._changed:
            self._notifications.append(notification)
            self._changed.notify_all()

    def take(self, kind: type[Kind], cookie: int) -> Kind | None:
        """Remove and return the first notification of this kind with this cookie, if there is one."""
        with self._changed:
            for notification in self._notifications:
                if isinstance(notification, kind) and getattr(notification, "cookie", None) == cookie:
                    self._notifications.remove(notification)
                    return notification
        return None

    def wait_for(self, kind: type[Kind], cookie: int, deadline: Deadline) -> Kind:
        """Wait until another thread has added such a notification; TimeLimitError at the deadline."""
        with self._changed:
            while (notification := self.take(kind, cookie)) is None:
                if not self._changed.wait(deadline.remaining()):
                    raise deadline.missed(f"{kind.TAG.name} for cookie {cookie:#x} on {self._receiver}")
        return notification


@checked_methods
class Notifications:
    """One thread's requests for notifications; `cookie` is any word, which the notification repeats."""

    def __init__(
        self,
        queue: CommandQueue,
        delivered: Delivered,
        *,
        known_handles: Callable[[], frozenset[int] | None],
        is_served: Callable[[], bool],
        serve_once: Callable[[Deadline], None],
    ) -> None:
        """`is_served` is whether a server's loopers receive notifications; else the thread does itself.

        `known_handles` are those of the process, None where the device does not show them.
        """
        self._queue = queue
        self._delivered = delivered
        self._known_handles = known_handles
        self._is_served = is_served
        self._serve_once = serve_once
        self._entered = False

    def link_to_death(self, handle: int, cookie: int) -> None:
        """BC_REQUEST_DEATH_NOTIFICATION, of a handle to which the process holds a reference.

        Handles that came in a reply are held; `references.acquire` takes a reference to 0, which a call does
        not need. The driver ignores a request without one, and only logs it (drivers/android/binder.c,
        binder_thread_write, `invalid ref`): UsageError where its debug files show that there is none.
        """
        handles = self._known_handles()
        if handles is not None and handle not in handles:
            raise UsageError(
                f"No reference to handle {handle} is held, without which the driver ignores a request for a "
                f"death notification. Call references.acquire({handle}) before it."
            )
        self._queue.write(commands.RequestDeathNotification(handle, cookie))

    def unlink_to_death(self, handle: int, cookie: int) -> None:
        """BC_CLEAR_DEATH_NOTIFICATION; `wait_for_clear` waits until the driver has confirmed it."""
        self._queue.write(commands.ClearDeathNotification(handle, cookie))

    def link_to_freeze(self, handle: int, cookie: int) -> None:
        """BC_REQUEST_FREEZE_NOTIFICATION (Linux 6.12): BR_FROZEN_BINDER now, and at each change from now on.

        The first has the present state; the driver sends no other until it is acknowledged, which
        `wait_for_freeze` does. Raises FacilityMissingError where the driver has no such notifications,
        DriverRefusedError with EINVAL for a handle that is not held or has a request already.
        """
        try:
            self._queue.write(commands.RequestFreezeNotification(handle, cookie))
        except DriverRefusedError as error:
            command = BinderCommand.BC_REQUEST_FREEZE_NOTIFICATION
            if error.errno != errno.EINVAL or self._queue.driver_knows(command):
                raise
            raise FacilityMissingError(NO_FREEZE_NOTIFICATIONS) from error

    def unlink_to_freeze(self, handle: int, cookie: int) -> None:
        """BC_CLEAR_FREEZE_NOTIFICATION; `wait_for_freeze_clear` waits until the driver has confirmed it."""
        self._queue.write(commands.ClearFreezeNotification(handle, cookie))

    def wait_for_death(self, cookie: int, deadline: Deadline | None = None) -> returns.DeadBinder:
        """Wait for BR_DEAD_BINDER and acknowledge it; TimeLimitError at the deadline (10 s unless given)."""
        return self._wait_for(returns.DeadBinder, cookie, deadline)

    def wait_for_clear(self, cookie: int, deadline: Deadline | None = None) -> None:
        """Wait for BR_CLEAR_DEATH_NOTIFICATION_DONE."""
        self._wait_for(returns.ClearDeathNotificationDone, cookie, deadline)

    def wait_for_freeze(self, cookie: int, deadline: Deadline | None = None) -> returns.FrozenBinder:
        """Wait for the next BR_FROZEN_BINDER and acknowledge it; TimeLimitError as `wait_for_death`."""
        return self._wait_for(returns.FrozenBinder, cookie, deadline)

    def wait_for_freeze_clear(self, cookie: int, deadline: Deadline | None = None) -> None:
        """Wait for BR_CLEAR_FREEZE_NOTIFICATION_DONE."""
        self._wait_for(returns.ClearFreezeNotificationDone, cookie, deadline)

    def thread_exited(self) -> None:
        """After BINDER_THREAD_EXIT: the driver no longer regards this thread as a looper."""
        self._entered = False

    def _wait_for(self, kind: type[Kind], cookie: int, deadline: Deadline | None) -> Kind:
        deadline = deadline or Deadline(CALL_SECONDS)
        if self._is_served():
            return self._delivered.wait_for(kind, cookie, deadline)
        if not self._entered:
            # The driver logs an error for a thread that waits for its process's work and is no looper.
            self._queue.write(commands.EnterLooper())
            self._entered = True
        while (notification := self._delivered.take(kind, cookie)) is None:
            self._serve_once(deadline)
        self._queue.write()  # the queued acknowledgement
        return notification
