"""A forked child of a process on the device, to see what fork(2) passes on and what it does not."""

from __future__ import annotations

import contextlib
import signal
from typing import Self

from emulator.base.deadline import Deadline
from harness.agent.errors import AgentDiedError
from harness.agent.exit_status import ExitStatus
from harness.agent.operations import OperationResult, SystemCall
from harness.agent.protocol import BatchResults
from harness.agent.syscalls import SyscallNumber
from harness.agent.thread import RemoteThread


class ForkedChild:
    """A child that has run its batch and then sleeps until it is closed, for inspection from outside.

    A context manager. The child never outlives its parent. `results` are those of its batch; `exit_status`
    is how the child died if it died in its batch, else None.
    """

    def __init__(self, thread: RemoteThread, outcome: BatchResults) -> None:
        self._thread = thread
        self._status = outcome.child_status
        self._reaped = self._status != 0
        self.pid: int = outcome.child
        self.results: list[OperationResult] = outcome.results
        self.exit_status = ExitStatus.from_wait(outcome.child_status) if self._reaped else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, *, deadline: Deadline | None = None) -> None:
        """Kill and reap the child; does nothing the second time. TimeLimitError at the deadline (10 s)."""
        if self._reaped:
            return
        self._reaped = True
        kill = SystemCall(SyscallNumber.kill, self.pid, signal.SIGKILL)
        reap = SystemCall(SyscallNumber.wait4, self.pid, 0, 0, 0)
        with contextlib.suppress(AgentDiedError):  # the child died with it
            for result in self._thread.batch(kill, reap, deadline=deadline):
                result.checked()
