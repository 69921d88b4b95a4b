"""adbutils, which speaks to the adb server: imported when it is first needed, and changed in three places."""

from __future__ import annotations

import contextlib
import functools
import socket
from types import ModuleType
from typing import Any

CONNECTS_WITHIN = 3.0
"""Seconds for the adb server to accept a connection."""


def adbutils() -> ModuleType:
    """The library itself."""
    # With Pillow, its import takes 0.1 s, as long as a warm start of the embedded device, which needs none.
    import adbutils

    module: ModuleType = adbutils
    return module


@functools.cache
def client_class() -> Any:
    """adbutils' client, which starts no server: where one has just ended, it is for us to start another."""
    import adbutils

    class Connection(adbutils.AdbConnection):  # type: ignore[misc]
        """As adbutils' own, but closed where it cannot be made or a request is refused (2.11 to 2.13)."""

        def __init__(self, host: str, port: int) -> None:
            self._address = host, port
            super().__init__(host, port)

        def _safe_connect(self) -> socket.socket:  # on failure it would run `adb start-server`
            return socket.create_connection(self._address, timeout=CONNECTS_WITHIN)

        def check_okay(self) -> None:
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(self.close)
                super().check_okay()
                on_failure.pop_all()

        def close(self) -> None:  # before which adbutils 2.12 sleeps 10 ms, in every request
            self.conn.close()

    class Client(adbutils.AdbClient):  # type: ignore[misc]
        def make_connection(self, timeout: float | None = None) -> Connection:
            connection = Connection(self.host, self.port)
            connection.conn.settimeout(timeout or self._seconds)
            return connection

        def __init__(self, host: str, port: int, socket_timeout: float) -> None:
            super().__init__(host=host, port=port, socket_timeout=socket_timeout)
            self._seconds = socket_timeout

    return Client
