"""Commands to a running QEMU, one after the other, over QEMU's own client for its monitor protocol (QMP)."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from qemu.qmp import QMPClient, QMPError

from emulator.errors import SetupError

ANSWERS_WITHIN = 20.0


class Monitor:
    """The monitor of one QEMU, on a connected socket; blocking, from one thread at a time.

    Every command is answered within `ANSWERS_WITHIN` seconds, or SetupError is raised.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._runner = asyncio.Runner()
        self._client = QMPClient("binder-harness")
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
            raise SetupError(f"QEMU's monitor refused {command}: {error or 'no answer in time'}") from error

    def close(self) -> None:
        """Leave the monitor; QEMU goes on."""
        with contextlib.suppress(Exception):
            self._runner.run(asyncio.wait_for(self._client.disconnect(), ANSWERS_WITHIN))
        self._runner.close()
