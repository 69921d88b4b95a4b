"""References to other processes' objects: counting them, and learning what becomes of their owner."""

from __future__ import annotations

from typing import TypeVar

from emulator.base.deadline import Deadline
from harness.agent.thread import RemoteThread
from harness.binder.abi import commands, returns
from harness.binder.abi.returns import Return
from harness.binder.binder_file import BinderFile
from harness.binder.binder_thread import BinderThread
from harness.binder.driver_thread import CALL_SECONDS

Kind = TypeVar("Kind", bound=Return)


class References(BinderThread):
    """A thread that also deals in references; `cookie` is any word, which the notification brings back."""

    def __init__(self, file: BinderFile, remote: RemoteThread) -> None:
        super().__init__(file, remote)
        self._entered = False

    def thread_exit(self) -> None:
        """BINDER_THREAD_EXIT: the driver forgets this thread, and that it was a looper."""
        super().thread_exit()
        self._entered = False

    def acquire(self, handle: int) -> None:
        """BC_ACQUIRE: one strong reference more."""
        self.say(commands.Acquire(handle))

    def release(self, handle: int) -> None:
        """BC_RELEASE: one strong reference less."""
        self.say(commands.Release(handle))

    def increfs(self, handle: int) -> None:
        """BC_INCREFS: one weak reference more."""
        self.say(commands.Increfs(handle))

    def decrefs(self, handle: int) -> None:
        """BC_DECREFS: one weak reference less."""
        self.say(commands.Decrefs(handle))

    def link_to_death(self, handle: int, cookie: int) -> None:
        """BC_REQUEST_DEATH_NOTIFICATION."""
        self.say(commands.RequestDeathNotification(handle, cookie))

    def unlink_to_death(self, handle: int, cookie: int) -> None:
        """BC_CLEAR_DEATH_NOTIFICATION; `wait_for_clear` tells when it is done."""
        self.say(commands.ClearDeathNotification(handle, cookie))

    def link_to_freeze(self, handle: int, cookie: int) -> None:
        """BC_REQUEST_FREEZE_NOTIFICATION (Linux 6.12); the present state is told at once."""
        self.say(commands.RequestFreezeNotification(handle, cookie))

    def unlink_to_freeze(self, handle: int, cookie: int) -> None:
        """BC_CLEAR_FREEZE_NOTIFICATION."""
        self.say(commands.ClearFreezeNotification(handle, cookie))

    def wait_for_death(self, cookie: int, deadline: Deadline | None = None) -> returns.DeadBinder:
        """Wait for BR_DEAD_BINDER and acknowledge it; TimeLimitError at the deadline (10 s unless given)."""
        return self._wait_for(returns.DeadBinder, cookie, deadline)

    def wait_for_clear(self, cookie: int, deadline: Deadline | None = None) -> None:
        """Wait until `unlink_to_death` is done."""
        self._wait_for(returns.ClearDeathNotificationDone, cookie, deadline)

    def wait_for_freeze(self, cookie: int, deadline: Deadline | None = None) -> returns.FrozenBinder:
        """Wait for the next BR_FROZEN_BINDER and acknowledge it."""
        return self._wait_for(returns.FrozenBinder, cookie, deadline)

    def _wait_for(self, kind: type[Kind], cookie: int, deadline: Deadline | None) -> Kind:
        deadline = deadline or Deadline(CALL_SECONDS)
        if self.file.spawn_looper is not None:
            return self.file.await_notice(kind, cookie, deadline)
        if not self._entered:
            # The driver logs a complaint about a thread that waits for its process's work and is no looper.
            self.say(commands.EnterLooper())
            self._entered = True
        while (notice := self.file.take_notice(kind, cookie)) is None:
            self.serve_once(deadline)
        self.say()  # what is still queued: the acknowledgement
        return notice
