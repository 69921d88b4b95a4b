"""A command on a host reached over SSH, whose input and output stay open."""

from __future__ import annotations

import contextlib
import threading

import paramiko

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from emulator.host.ssh_channel import CHUNK, exit_status

SEND_SECONDS = 10.0
KEPT_BYTES = 4096
STEP_SECONDS = 0.1
"""How long one wait for the channel lasts: its time limit is that of the sender and the receiver alike."""


class SshStream:
    """A command by its channel."""

    def __init__(self, channel: paramiko.Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._errors = b""
        channel.settimeout(STEP_SECONDS)
        # Unread, it would fill the channel's window.
        self._reader = threading.Thread(target=self._read_errors, name=f"errors of {name}", daemon=True)
        self._reader.start()

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; TimeLimitError after 10 s without progress."""
        view = memoryview(data)
        deadline = Deadline(SEND_SECONDS)
        while view:
            try:
                view = view[self._channel.send(bytes(view[:CHUNK])) :]
                deadline = Deadline(SEND_SECONDS)
            except TimeoutError as error:
                if deadline.expired:
                    raise TimeLimitError(
                        f"`{self._name}` has taken no input for {SEND_SECONDS:g} s: it or its host hangs."
                    ) from error

    def close_input(self) -> None:
        """End its input."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Wait for output, and return up to `limit` bytes."""
        channel = self._channel
        while True:
            if deadline is not None and not (channel.recv_ready() or channel.eof_received or channel.closed):
                deadline.check(f"output of `{self._name}`")
            try:
                return channel.recv(limit)
            except TimeoutError:
                continue
            except OSError:
                return b""

    @property
    def ended(self) -> bool:
        """Whether it has ended, or the connection to it."""
        return self._channel.exit_status_ready() or self._channel.closed

    def status(self, deadline: Deadline) -> int | None:
        """Its exit status."""
        status = exit_status(self._channel, deadline)
        self._reader.join(deadline.remaining())
        return status

    @property
    def standard_error(self) -> str:
        """The end of it so far."""
        return self._errors.decode(errors="replace")

    def close(self) -> None:
        """End its input and output: the server hangs the command up."""
        self._channel.close()

    def _read_errors(self) -> None:
        while True:
            try:
                chunk = self._channel.recv_stderr(CHUNK)
            except TimeoutError:
                continue
            except OSError:
                return
            if not chunk:
                return
            self._errors = (self._errors + chunk)[-KEPT_BYTES:]
