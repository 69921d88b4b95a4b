"""A real process on the device whose system calls Python makes."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Callable
from typing import Self

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.connection import Connection
from harness.agent.errors import AgentDiedError
from harness.agent.exit_status import ExitStatus
from harness.agent.forked_child import ForkedChild
from harness.agent.memory import RemoteMemory
from harness.agent.operations import Operation, SystemCall
from harness.agent.protocol import FrameKind, Hello, decode_started
from harness.agent.stream import ProcessStream
from harness.agent.syscalls import AT_FDCWD, SyscallNumber
from harness.agent.thread import DEFAULT_SECONDS, RemoteThread
from harness.argument_types import checked_methods

logger = logging.getLogger(__name__)

PR_SET_NAME = 15
"""include/uapi/linux/prctl.h."""
_CLOSE_SECONDS = 2.0
"""How long close() waits for the process to exit by itself, and again after killing it."""

Kill = Callable[[int, int], None]
"""Sends a process (pid first) a signal (second) from another process of the device."""


@checked_methods
class RemoteProcess:
    """An agent on the device: its threads make system calls, its memory can be read and written.

    A context manager that ends the process. No thread blocks another: while `main` sleeps in an ioctl, the
    memory can be read and threads can be started.
    """

    def __init__(
        self,
        connection: Connection,
        hello: Hello,
        *,
        kill: Kill | None = None,
    ) -> None:
        self.pid = hello.pid
        self.uid = hello.uid
        self.name = ""
        """What `rename` has called it."""
        self.architecture = hello.architecture
        self.page_size = hello.page_size
        self._connection = connection
        self._kill_from_outside = kill
        self.closed = False
        self.main, self._keeper = map(self._thread, hello.threads)
        self.memory = RemoteMemory(self._keeper)

    @classmethod
    def start(
        cls,
        stream: ProcessStream,
        *,
        kill: Kill | None = None,
        deadline: Deadline | None = None,
    ) -> Self:
        """Use an agent that has just been started; `stream` is closed with the process, or on failure.

        `kill` ends an agent that cannot exit by itself, such as a stopped one. Raises AgentDiedError or
        ProtocolError if no agent answers, TimeLimitError at the deadline (10 s unless given).
        """
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        connection = Connection(stream)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(connection.close)
            hello = connection.hello(deadline)
            process = cls(connection, hello, kill=kill)
            on_failure.pop_all()
        logger.debug("agent started: process %s of user %s", hello.pid, hello.uid)
        return process

    def __repr__(self) -> str:
        named = f" {self.name}" if self.name else ""
        return f"<{type(self).__name__} {self.pid}{named}{self._end()}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self) -> str:
        """How it ended, as far as that is known; empty while it runs."""
        if not self.ended:
            return ", closed" if self.closed else ""
        try:
            return f", {self._connection.exit_status()}"
        except HarnessError:
            return ", lost"

    def rename(self, name: str) -> None:
        """Give the process and its main thread a name, which ps and traces show, cut to 15 bytes.

        prctl(2), PR_SET_NAME; proc_pid_comm(5), as the process's first thread is not the main one here.
        """
        encoded = name.encode()
        self.main.syscall("prctl", PR_SET_NAME, encoded)
        comm = self.main.syscall("openat", AT_FDCWD, b"/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC, 0)
        try:
            self.main.syscall("write", comm, encoded, len(encoded))
        finally:
            self.main.syscall("close", comm)
        self.name = name

    def known_handles(self, context: str) -> frozenset[int] | None:  # noqa: ARG002
        """The handles that it has in a context, such as `vndbinder`; None where nothing shows them."""
        return None

    @property
    def ended(self) -> bool:
        """Whether it has ended, as far as its stream has reported that."""
        return self._connection.wait(Deadline(0))

    def start_thread(self, *, deadline: Deadline | None = None) -> RemoteThread:
        """Start a thread; raises OSError if the process may have no more."""
        request = self._connection.request(FrameKind.START_THREAD)[1]
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        return self._thread(decode_started(request.result(deadline, f"starting a thread of {self}")))

    def syscall(
        self, name: SyscallNumber | str, *arguments: int | bytes, deadline: Deadline | None = None
    ) -> int:
        """RemoteThread.syscall() on the main thread."""
        return self.main.syscall(name, *arguments, deadline=deadline)

    def fork(
        self, *operations: Operation, deadline: Deadline | None = None, keep_going: bool = False
    ) -> ForkedChild:
        """Fork the main thread; the child runs the operations, then sleeps. Raises fork(2)'s OSError.

        The child has its parent's descriptors except 0 and 1, which are standard error in the child.
        """
        outcome = self.main.fork(*operations, deadline=deadline, keep_going=keep_going)
        return ForkedChild(self._keeper, outcome)

    def kill(self, signal_number: int = signal.SIGKILL, *, deadline: Deadline | None = None) -> ExitStatus:
        """Send a deadly signal, and wait for the end."""
        if self.ended:
            return self._connection.exit_status()
        if self._kill_from_outside is not None:
            self._kill_from_outside(self.pid, signal_number)
        else:
            with contextlib.suppress(AgentDiedError):
                self._keeper.submit(SystemCall(SyscallNumber.kill, self.pid, signal_number))
        return self.wait(deadline)

    def wait(self, deadline: Deadline | None = None) -> ExitStatus:
        """Wait for the end of the process, and return its exit status.

        Raises TimeLimitError at the deadline (10 s unless given), and if there is no exit status the
        AgentDiedError or ProtocolError that ended the connection.
        """
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        if not self._connection.wait(deadline):
            raise deadline.missed(f"the end of process {self.pid}")
        return self._connection.exit_status()

    def close(self) -> None:
        """End the process by closing its input, and kill it if it does not exit within 2 s.

        Takes 6 s at most. Does nothing the second time.
        """
        try:
            self._connection.close_input()
            if not self._connection.wait(Deadline(_CLOSE_SECONDS)) and self._kill_from_outside is not None:
                with contextlib.suppress(HarnessError):  # the process or the device may have ended by now
                    self._kill_from_outside(self.pid, signal.SIGKILL)
                self._connection.wait(Deadline(_CLOSE_SECONDS))
        finally:
            self._connection.close()
            self.closed = True
            logger.debug("process %s closed", self.pid)

    def release(self) -> None:
        """Let go of a process that ended with its device's last boot: its id may be another's by now."""
        self._connection.close()
        self.closed = True

    def _thread(self, tid: int) -> RemoteThread:
        return RemoteThread(self._connection, tid, self.pid, self.architecture)
