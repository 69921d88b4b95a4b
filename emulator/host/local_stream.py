"""A command on this machine whose input and output stay open."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from emulator.base.command import await_group_end, missing_program, shown
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError, reason_of

SEND_SECONDS: Final = 10.0
ENDS_WITHIN = 2.0
KEPT_BYTES = 4096


class LocalStream:
    """A child process, in a session of its own, with a socket for its standard input and output."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it; HarnessError where the machine starts no process."""
        self._command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read until the close
        self._standard_error = ""
        self._reading = threading.Lock()
        self._socket, theirs = socket.socketpair()
        send_limit = struct.pack("@ll", int(SEND_SECONDS), 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, send_limit)
        with theirs, contextlib.ExitStack() as on_failure:
            on_failure.callback(self._socket.close)
            on_failure.callback(self._errors.close)
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._errors,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise missing_program(command[0]) from error
            except OSError as error:
                raise HarnessError(f"`{shown(command)}` cannot be started: {reason_of(error)}.") from error
            on_failure.pop_all()
        self._reaping = threading.Lock()

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; TimeLimitError after 10 s without progress."""
        try:
            self._socket.sendall(data)
        except BlockingIOError as error:
            raise TimeLimitError(
                f"`{self._command[0]}` has read none of its input for {SEND_SECONDS:g} s: it hangs."
            ) from error

    def close_input(self) -> None:
        """End its input."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Wait for output, and return up to `limit` bytes."""
        if deadline is not None:
            deadline.await_input(self._socket, f"output of `{self._command[0]}`")
        with contextlib.suppress(OSError):
            return self._socket.recv(limit)
        return b""

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.status(Deadline(0)) is not None

    def status(self, deadline: Deadline) -> int | None:
        """Its exit status, 128 + n for signal n; what it has left of its process group is ended."""
        return self._reap() if self._await_end(deadline) else None

    def _await_end(self, deadline: Deadline) -> bool:
        if self._process.returncode is not None:
            return True
        try:
            process = os.pidfd_open(self._process.pid)
        except ProcessLookupError:  # another thread has reaped it
            return True
        try:
            poll = select.poll()
            poll.register(process, select.POLLIN)
            return bool(poll.poll(math.ceil(deadline.remaining() * 1000)))
        finally:
            os.close(process)

    def _reap(self) -> int:
        with self._reaping:
            if self._process.returncode is None:
                self._kill()  # now, while the number of the group can be nobody else's
                self._process.wait()
                await_group_end(self._process.pid)
            status: int = self._process.wait()
        return status if status >= 0 else 128 - status

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # of root's, that sudo has started
            os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def standard_error(self) -> str:
        """The end of it so far, or up to the close."""
        with self._reading:
            if not self._errors.closed:
                descriptor = self._errors.fileno()
                size = os.fstat(descriptor).st_size
                kept = os.pread(descriptor, KEPT_BYTES, max(0, size - KEPT_BYTES))
                self._standard_error = kept.decode(errors="replace")
            return self._standard_error

    def close(self) -> None:
        """End its input and output, and its process group as far as that is ours to end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._reaping:
            if self._process.returncode is None:
                self._kill()
        self.status(Deadline(ENDS_WITHIN))
        _ = self.standard_error  # which is still asked for
        with self._reading:
            self._errors.close()
