"""What paramiko's channels lack: an end that is quiet and final, and a deadline for every wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import paramiko

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError

CHUNK = 1 << 16
LARGEST_OUTPUT = 64 << 20
"""Bytes of a short command's output."""
CHANNEL_EOF = 96
"""SSH_MSG_CHANNEL_EOF (RFC 4254, 9)."""
CHANNEL_CLOSE = 97
"""SSH_MSG_CHANNEL_CLOSE."""


def silent_once_closed(channel: paramiko.Channel) -> paramiko.Channel:
    """The channel, just opened, made to send nothing after its close, and to end also without its connection.

    OpenSSH ends the whole connection where something follows a close (RFC 4254, 5.3). paramiko releases a
    channel's lock before it sends the message made under it, so that one thread's data or end-of-file may
    follow the close of another thread, or its own close on receiving the host's
    (github.com/paramiko/paramiko, issues 1115 and 1705). And where the connection has just gone, paramiko
    raises the socket's error for a channel's end, which has come all the same.
    """
    channel.transport = cast(paramiko.Transport, _SilentOnceClosed(channel.transport))
    return channel


class _SilentOnceClosed:
    """The transport of one channel: it drops what would follow the close, and an end that cannot be sent."""

    def __init__(self, transport: Any) -> None:  # some of whose methods are not annotated
        self._transport = transport
        self._sending = threading.Lock()
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send_user_message(self, message: paramiko.Message) -> None:
        kind = message.asbytes()[0]
        unsendable = (OSError, EOFError) if kind in (CHANNEL_EOF, CHANNEL_CLOSE) else ()
        with self._sending, contextlib.suppress(*unsendable):
            if not self._closed:
                self._closed = kind == CHANNEL_CLOSE
                self._transport._send_user_message(message)


@contextlib.contextmanager
def closed_at(channel: paramiko.Channel, deadline: Deadline) -> Iterator[None]:
    """Close the channel at the deadline, which ends any wait on it, unless the block has ended by then.

    It is one that is `silent_once_closed`: its connection may have ended, too.
    """
    timer = threading.Timer(deadline.remaining(), channel.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def open_transfer(transport: paramiko.Transport, seconds: float) -> paramiko.SFTPClient:
    """Start SFTP within some seconds; after that, each step of a transfer may take as long.

    Raises SSHException, or an OSError, where it does not start.
    """
    deadline = Deadline(seconds)
    channel = silent_once_closed(transport.open_session(timeout=deadline.remaining()))
    channel.settimeout(seconds)
    with closed_at(channel, deadline):
        channel.invoke_subsystem("sftp")
        return paramiko.SFTPClient(channel)


def read_to_end(channel: paramiko.Channel, receive: Callable[[int], bytes], deadline: Deadline) -> bytes:
    """All of one of the channel's streams: `receive` is its `recv` or its `recv_stderr`.

    Raises TimeLimitError where the stream does not end in time, SetupError for more than 64 MiB.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        deadline.check("the end of the output")
        channel.settimeout(deadline.remaining())
        try:
            chunk = receive(CHUNK)
        except TimeoutError:  # which has no message: the check above has one
            continue
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_OUTPUT:
            raise SetupError(f"The host sent more than {LARGEST_OUTPUT >> 20} MiB in answer to a command.")


def exit_status(channel: paramiko.Channel, deadline: Deadline) -> int | None:
    """The exit status; None where it does not arrive in time, or the connection ends first."""
    if not channel.status_event.wait(deadline.remaining()):
        return None
    status = channel.recv_exit_status()
    return status if status >= 0 else None
