"""An adb server that only lists devices, for states that no available device has."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def fake_adb_server(listing: dict[str, str]) -> Iterator[int]:
    """A server on a free port that answers `host:devices-l` with the serials and states in `listing`."""

    def answer(connection: socket.socket) -> None:
        with connection:
            length = connection.recv(4)
            if not length:
                return
            request = connection.recv(int(length, 16))
            if request == b"host:devices-l":
                text = "".join(
                    f"{serial:22} {state} transport_id:1\n" for serial, state in listing.items()
                ).encode()
                connection.sendall(b"OKAY%04x" % len(text) + text)
            else:
                text = b"unknown to this server: " + request
                connection.sendall(b"FAIL%04x" % len(text) + text)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
