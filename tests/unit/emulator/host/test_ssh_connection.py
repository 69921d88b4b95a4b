"""Connecting to servers that are no SSH servers, or bad ones."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from emulator.base.errors import SetupError
from emulator.host.ssh_connection import SshConnection


@contextlib.contextmanager
def server_that_repeats(text: bytes, *, pause: float) -> Iterator[str]:
    """The address of a server that sends the same bytes again and again to whoever connects."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            while not ended.wait(pause):
                connection.sendall(text)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"ssh://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            thread.join(10)


@pytest.mark.parametrize("text", [b"x", b"a line\r\n"])
def test_a_server_that_drips_its_banner_is_left_in_time(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.host.ssh_connection.CONNECTS_WITHIN", 0.5)
    began = time.monotonic()
    with (
        server_that_repeats(text, pause=0.01) as address,
        pytest.raises(SetupError, match=r"cannot be reached: no SSH handshake within 0\.5 s"),
    ):
        SshConnection(address)
    assert time.monotonic() - began < 5


def test_a_server_of_another_protocol_is_named_with_what_it_sent() -> None:
    with (
        server_that_repeats(b"SSH-1.5-old\r\n", pause=0.01) as address,
        pytest.raises(SetupError, match="cannot be reached: Incompatible version"),
    ):
        SshConnection(address)


def test_a_connection_that_is_reset_is_a_host_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(*_: object, **__: object) -> None:
        raise EOFError  # as paramiko's packetizer does where a write fails

    monkeypatch.setattr("paramiko.SSHClient.connect", reset)
    with (
        server_that_repeats(b"x", pause=0.01) as address,
        pytest.raises(SetupError, match=r"cannot be reached: it closed the connection\. Does `ssh"),
    ):
        SshConnection(address)
