"""What is sent on an SSH channel after its close, and waits on one whose server does not answer."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import paramiko
import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, TimeLimitError
from emulator.host.ssh_channel import (
    CHANNEL_CLOSE,
    closed_at,
    exit_status,
    open_transfer,
    read_to_end,
    silent_once_closed,
)

WITHIN = 10.0
SOON = 0.2


class Server(paramiko.ServerInterface):
    """Lets everybody in and opens every channel; whether it answers a request is up to `answers`."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.channels: queue.Queue[paramiko.Channel] = queue.Queue()

    def check_auth_none(self, username: str) -> int:  # noqa: ARG002
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:  # noqa: ARG002
        self.channels.put(channel)
        return self.answers.wait(WITHIN)

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:  # noqa: ARG002
        return self.answers.wait(WITHIN)


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.answers.set()


@pytest.fixture
def transport(server: Server, key: paramiko.PKey) -> Iterator[paramiko.Transport]:
    ours, theirs = socket.socketpair()
    with (
        contextlib.closing(paramiko.Transport(theirs)) as far,
        contextlib.closing(paramiko.Transport(ours)) as near,
    ):
        far.add_server_key(key)
        far.start_server(threading.Event(), server)
        near.start_client(timeout=WITHIN)
        near.auth_none("anybody")
        yield near
        server.answers.set()


def test_a_request_that_is_not_answered_ends_at_the_deadline(transport: paramiko.Transport) -> None:
    channel = silent_once_closed(transport.open_session(timeout=WITHIN))
    with pytest.raises(paramiko.SSHException), closed_at(channel, Deadline(SOON)):
        channel.exec_command("anything")


def test_a_close_at_the_deadline_may_find_the_connection_ended(
    transport: paramiko.Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = silent_once_closed(transport.open_session(timeout=WITHIN))
    tried = threading.Event()
    unhandled: list[threading.ExceptHookArgs] = []

    def send(_: paramiko.Message) -> None:
        tried.set()
        raise EOFError

    monkeypatch.setattr(transport, "_send_user_message", send)
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    with closed_at(channel, Deadline(0)):
        assert tried.wait(WITHIN)
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(WITHIN)
    assert unhandled == []


def test_sftp_that_does_not_start_ends_at_the_deadline(transport: paramiko.Transport) -> None:
    with pytest.raises(paramiko.SSHException):
        open_transfer(transport, SOON)


def test_output_is_read_to_its_end_or_to_the_deadline(server: Server, transport: paramiko.Transport) -> None:
    server.answers.set()
    channel = silent_once_closed(transport.open_session(timeout=WITHIN))
    with closed_at(channel, Deadline(WITHIN)):
        channel.exec_command("anything")
    far = server.channels.get(timeout=WITHIN)
    far.sendall(b"so far")
    with pytest.raises(TimeLimitError, match=r"not within 0\.2 s"):
        read_to_end(channel, channel.recv, Deadline(SOON))
    assert exit_status(channel, Deadline(SOON)) is None
    far.sendall_stderr(b"why" * 100_000)
    far.send_exit_status(3)
    far.close()
    assert read_to_end(channel, channel.recv_stderr, Deadline(WITHIN)) == b"why" * 100_000
    assert exit_status(channel, Deadline(WITHIN)) == 3


def test_a_stream_that_never_pauses_ends_at_the_deadline(transport: paramiko.Transport) -> None:
    channel = transport.open_session(timeout=WITHIN)
    with pytest.raises(TimeLimitError, match=r"not within 0\.2 s"):
        read_to_end(channel, lambda _: b"more", Deadline(SOON))


def test_a_connection_that_ends_gives_no_status(transport: paramiko.Transport) -> None:
    channel = transport.open_session(timeout=WITHIN)
    transport.close()
    assert exit_status(channel, Deadline(WITHIN)) is None


DATA, END_OF_FILE = 94, 96


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


class Delayed:
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
    delayed = Delayed(silent_once_closed(channel).transport)
    channel.transport = cast(paramiko.Transport, delayed)
    thread = threading.Thread(target=late, args=(channel,))
    thread.start()
    assert delayed.on_its_way.wait(WITHIN)
    channel.close()
    delayed.release.set()
    thread.join(WITHIN)
    assert connection.sent == sent


def test_until_then_everything_is_sent(connection: Connection, channel: paramiko.Channel) -> None:
    silent_once_closed(channel).sendall(b"data")
    channel.shutdown_write()
    channel.close()
    assert connection.sent == [DATA, END_OF_FILE, CHANNEL_CLOSE]
    assert channel.get_transport().get_log_channel() == "test"


@pytest.mark.parametrize("error", [EOFError, ConnectionResetError])
def test_an_end_needs_no_connection_but_data_does(
    connection: Connection, channel: paramiko.Channel, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def gone(message: paramiko.Message) -> None:  # noqa: ARG001
        raise error

    monkeypatch.setattr(connection, "_send_user_message", gone)
    silent_once_closed(channel)
    with pytest.raises(error):
        channel.sendall(b"data")
    channel.shutdown_write()
    channel.close()
    assert channel.closed


def test_output_without_an_end_is_refused() -> None:
    class Endless:
        def settimeout(self, seconds: float) -> None:
            pass

    with pytest.raises(SetupError, match="more than 64 MiB"):
        read_to_end(cast(paramiko.Channel, Endless()), bytes, Deadline(WITHIN))
