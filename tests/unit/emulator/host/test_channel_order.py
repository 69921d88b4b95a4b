"""What is sent on an SSH channel that one thread closes while another is at it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import paramiko
import pytest

from emulator.host.channel_order import CHANNEL_CLOSE, in_order

DATA, END_OF_FILE = 94, 96
WITHIN = 20.0


class Connection:
    """A transport that keeps the kinds of what is sent."""

    active = True

    def __init__(self) -> None:
        self.sent: list[int] = []

    def get_log_channel(self) -> str:
        return "test"

    def _sanitize_packet_size(self, size: int) -> int:
        return size

    def _send_user_message(self, message: paramiko.Message) -> None:
        self.sent.append(message.asbytes()[0])


class Held:
    """Comes between a channel and its transport, and holds back what one thread has on its way."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.on_its_way, self.release = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send_user_message(self, message: paramiko.Message) -> None:
        if message.asbytes()[0] != CHANNEL_CLOSE and not self.on_its_way.is_set():
            self.on_its_way.set()
            assert self.release.wait(WITHIN)
        self._transport._send_user_message(message)


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def channel(connection: Connection) -> paramiko.Channel:
    channel: Any = paramiko.Channel(1)
    channel._set_transport(connection)
    channel._set_window(1 << 16, 1 << 15)
    channel._set_remote_channel(1, 1 << 16, 1 << 15)
    return cast(paramiko.Channel, channel)


@pytest.mark.parametrize(
    ("late", "sent"),
    [
        (lambda channel: channel.sendall(b"late"), [END_OF_FILE, CHANNEL_CLOSE]),
        (lambda channel: channel.shutdown_write(), [CHANNEL_CLOSE]),
    ],
    ids=["data", "end of file"],
)
def test_nothing_follows_a_close(
    connection: Connection,
    channel: paramiko.Channel,
    late: Callable[[paramiko.Channel], None],
    sent: list[int],
) -> None:
    held = Held(in_order(channel).transport)
    channel.transport = cast(paramiko.Transport, held)
    thread = threading.Thread(target=late, args=(channel,))
    thread.start()
    assert held.on_its_way.wait(WITHIN)
    channel.close()
    held.release.set()
    thread.join(WITHIN)
    assert connection.sent == sent


def test_until_then_everything_is_sent(connection: Connection, channel: paramiko.Channel) -> None:
    in_order(channel).sendall(b"data")
    channel.shutdown_write()
    channel.close()
    assert connection.sent == [DATA, END_OF_FILE, CHANNEL_CLOSE]
    assert channel.get_transport().get_log_channel() == "test"
