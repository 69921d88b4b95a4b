"""The console of a running SDK emulator, which ends it, on whichever host it runs."""

from __future__ import annotations

import contextlib
import socket
from typing import IO

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from emulator.host.host import Host, check_output

TOKEN = ".emulator_console_auth_token"
"""In the user's home (developer.android.com/studio/run/emulator-console, “Start and stop a session”)."""
ANSWERS_WITHIN = 10.0


class EmulatorConsole:
    """A session with the console on a port of the host; use as a context manager or call `close`.

    Raises HarnessError when no emulator answers there, or it rejects the user's token.
    """

    def __init__(self, host: Host, port: int) -> None:
        self._resources = contextlib.ExitStack()
        with contextlib.ExitStack() as on_failure:
            on_failure.push(self._resources)
            try:
                here = self._resources.enter_context(host.forward(port))
                connection = socket.create_connection(("127.0.0.1", here), ANSWERS_WITHIN)
                self._connection = self._resources.enter_context(connection)
                self._lines: IO[bytes] = self._resources.enter_context(connection.makefile("rb"))
                greeting = self._answer("its greeting")
            except OSError as error:
                raise HarnessError(f"No emulator's console answers on port {port}: {error}") from error
            # A user who empties the file switches authentication off.
            if "Authentication required" in greeting:
                home = host.variable("HOME")
                self.execute(f"auth {check_output(host, ['cat', f'{home}/{TOKEN}'], ANSWERS_WITHIN).strip()}")
            on_failure.pop_all()

    def __enter__(self) -> EmulatorConsole:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, command: str) -> str:
        """The console's answer before its OK; HarnessError, with its reason, where it answers KO."""
        try:
            self._connection.sendall(f"{command}\r\n".encode())
            return self._answer(command.partition(" ")[0])
        except OSError as error:
            raise HarnessError(f"The connection to the emulator's console broke: {error}") from error

    def _answer(self, to: str) -> str:
        deadline = Deadline(ANSWERS_WITHIN)
        answer: list[str] = []
        for line in iter(self._lines.readline, b""):
            text = line.decode(errors="replace").rstrip()
            if text.startswith("KO"):
                raise HarnessError(f"The emulator's console refuses {to}: {text}")
            if text == "OK" or text.startswith("OK:"):
                return "\n".join(answer)
            answer.append(text)
            deadline.check(f"the answer of the emulator's console to {to}")
        raise HarnessError(f"The connection to the emulator's console broke after {to}.")

    def close(self) -> None:
        """End the session; the emulator runs on."""
        self._resources.close()
