"""Waits on the channels of a server that does not answer, or not to the end."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator

import paramiko
import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from emulator.host.channel_waits import closed_at, exit_status, open_transfer, read_to_end

WITHIN = 10.0
SOON = 0.2


class Server(paramiko.ServerInterface):
    """Lets everybody in and opens every channel; whether it answers a request is said by `answers`."""

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
    channel = transport.open_session(timeout=WITHIN)
    with pytest.raises(paramiko.SSHException), closed_at(channel, Deadline(SOON)):
        channel.exec_command("anything")


def test_sftp_that_does_not_start_ends_at_the_deadline(transport: paramiko.Transport) -> None:
    with pytest.raises(paramiko.SSHException):
        open_transfer(transport, SOON)


def test_output_is_read_to_its_end_or_to_the_deadline(server: Server, transport: paramiko.Transport) -> None:
    server.answers.set()
    channel = transport.open_session(timeout=WITHIN)
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
