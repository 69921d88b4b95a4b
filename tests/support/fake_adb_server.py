"""An adb server that lists devices, for states and names that no available device has, and lets adbd answer.

It does as AOSP's (packages/modules/adb): adb.cpp, handle_host_request, for `host:devices-l`, `host:version`,
`host:transport-id:`, `host:emulator:` and `host-transport-id:…:features`; transport.cpp, append_transport,
for the listing.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

VERSION = 41
"""That of AOSP's since Android 9 (adb.h)."""


@contextmanager
def fake_adb_server(
    listing: dict[str, str], *, text: str = "", answers: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A server on a free port that lists the serials and states in `listing`, or else `text`.

    `answers` has what adbd answers to a service on each transport, and its features: by `N:SERVICE`.
    """

    def listed() -> str:
        return text or "".join(f"{serial:22} {state} transport_id:1\n" for serial, state in listing.items())

    def answer(connection: socket.socket) -> None:
        transport = ""
        with connection:
            while length := connection.recv(4):
                request = connection.recv(int(length, 16)).decode()
                kind, _, rest = request.partition(":")
                service = f"{transport}:{request}"
                if request == "host:devices-l":
                    connection.sendall(b"OKAY" + _block(listed()))
                elif request == "host:version":
                    connection.sendall(b"OKAY" + _block(f"{VERSION:04x}"))
                elif request.startswith("host:emulator:"):
                    listing[f"emulator-{int(request.removeprefix('host:emulator:')) - 1}"] = "device"
                elif request.startswith("host:transport-id:"):
                    transport = request.removeprefix("host:transport-id:")
                    connection.sendall(b"OKAY")
                    continue
                elif kind == "host-transport-id" and rest in (answers or {}):
                    connection.sendall(b"OKAY" + _block((answers or {})[rest]))
                elif transport and service in (answers or {}):
                    connection.sendall(b"OKAY" + (answers or {})[service].encode())
                else:
                    connection.sendall(b"FAIL" + _block(f"unknown to this server: {request}"))
                return

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


def _block(text: str) -> bytes:
    return b"%04x" % len(text.encode()) + text.encode()
