"""Waits on a channel of an SSH connection, each with a deadline: paramiko's have none, or one per read."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import paramiko

from emulator.base.deadline import Deadline
from emulator.host.channel_order import in_order

CHUNK = 1 << 16


@contextlib.contextmanager
def closed_at(channel: paramiko.Channel, deadline: Deadline) -> Iterator[None]:
    """Close the channel at the deadline, which ends any wait on it, unless the block has ended by then."""
    timer = threading.Timer(deadline.remaining(), channel.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def open_transfer(transport: paramiko.Transport, seconds: float) -> paramiko.SFTPClient:
    """Start SFTP within some seconds; after that it takes as many at most from one step to the next.

    Raises SSHException, or an OSError, where it does not start.
    """
    deadline = Deadline(seconds)
    channel = in_order(transport.open_session(timeout=deadline.remaining()))
    channel.settimeout(seconds)
    with closed_at(channel, deadline):
        channel.invoke_subsystem("sftp")
        return paramiko.SFTPClient(channel)


def read_to_end(channel: paramiko.Channel, receive: Callable[[int], bytes], deadline: Deadline) -> bytes:
    """All that one of the channel's streams has: `receive` is its `recv` or its `recv_stderr`.

    Raises TimeLimitError where the stream does not end in time.
    """
    chunks: list[bytes] = []
    while True:
        deadline.check("the end of the output")
        channel.settimeout(deadline.remaining())
        try:
            chunk = receive(CHUNK)
        except TimeoutError:  # without a word: the check has them
            continue
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def exit_status(channel: paramiko.Channel, deadline: Deadline) -> int | None:
    """The exit status; None where it does not come in time, or the connection ends first."""
    if not channel.status_event.wait(deadline.remaining()):
        return None
    status = channel.recv_exit_status()
    return status if status >= 0 else None
