"""Brings a port of a host reached over SSH to this machine's 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import paramiko

_ENDED = (OSError, EOFError, paramiko.SSHException)
"""What paramiko raises for a connection that has ended."""


class Tunnel:
    """A port of this machine's 127.0.0.1; each connection to it is joined to a new SSH channel."""

    def __init__(self, open_channel: Callable[[], paramiko.Channel], port: int = 0) -> None:
        """`port` is the one to listen on, any that is free unless given."""
        self._open_channel = open_channel
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="tunnel", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            try:
                send_at_once(connection)
                channel = self._open_channel()
            except _ENDED:
                connection.close()
                continue
            join(connection, channel)

    def close(self) -> None:
        """Accept no more connections; those that are open end with the host's."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


def send_at_once(connection: socket.socket) -> None:
    """Send small messages before those ahead are acknowledged: a round trip takes a tenth as long."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def join(connection: socket.socket, channel: paramiko.Channel) -> None:
    """Copy everything between a socket and a channel in both directions, until either ends."""
    ends = (connection, channel)

    def copy(source: socket.socket | paramiko.Channel, sink: socket.socket | paramiko.Channel) -> None:
        with contextlib.suppress(*_ENDED):
            while chunk := source.recv(1 << 16):
                sink.sendall(chunk)
        for end in ends:
            with contextlib.suppress(*_ENDED):
                end.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(*_ENDED):
                end.close()

    for source, sink in (ends, reversed(ends)):
        threading.Thread(target=copy, args=(source, sink), daemon=True).start()
