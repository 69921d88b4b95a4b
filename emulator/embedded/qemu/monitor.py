"""Sends commands to a running QEMU, one at a time, with QEMU's own client for its monitor protocol (QMP)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import IO

from qemu.qmp import EventListener, Message, QMPClient, QMPError

from emulator.base.errors import SetupError

ANSWERS_WITHIN = 20.0


class Monitor:
    """The monitor of one QEMU, on a connected socket; blocking, for one thread at a time.

    Raises SetupError where a command is not answered within `ANSWERS_WITHIN` seconds.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._runner = asyncio.Runner()
        self._client = QMPClient("binder-harness")
        self._resets = EventListener("RESET", _by_the_guest)
        self._client.register_listener(self._resets)
        connection.setblocking(False)
        try:
            self._runner.run(asyncio.wait_for(self._client.connect(connection), ANSWERS_WITHIN))
        except (QMPError, OSError, TimeoutError) as error:
            self._runner.close()
            connection.close()
            raise SetupError(f"QEMU's monitor does not answer: {error}") from error

    def execute(self, command: str, **arguments: object) -> object:
        """Run one command (underscores in argument names stand for hyphens) and return its answer."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            return self._runner.run(asyncio.wait_for(self._client.execute(command, named), ANSWERS_WITHIN))
        except (QMPError, OSError, TimeoutError) as error:
            raise SetupError(
                f"QEMU's monitor refused {command}: {str(error) or f'no answer within {ANSWERS_WITHIN:g} s'}"
            ) from error

    def guest_resets(self) -> int:
        """How often the guest has reset itself so far."""
        self.execute("query-status")  # receives the events since the last command
        return len(self._resets.history)

    def pass_file(self, file: IO[bytes], name: str) -> None:
        """Pass an open file to QEMU, where commands refer to it by `name`."""

        async def send() -> None:
            self._client.send_fd_scm(file.fileno())

        self._runner.run(send())
        self.execute("getfd", fdname=name)

    def close(self) -> None:
        """Disconnect from the monitor; QEMU continues."""
        with contextlib.suppress(Exception):
            self._runner.run(asyncio.wait_for(self._client.disconnect(), ANSWERS_WITHIN))
        self._runner.close()


def _by_the_guest(reset: Message) -> bool:
    data = reset["data"]
    return isinstance(data, dict) and data["guest"] is True
