"""A program on a host reached over SSH, whose output is a device's console."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.host.ssh_channel import CHUNK
from emulator.host.watched_command import ENDS_WITHIN, Connection, WatchedCommand


class SshProgram:
    """A running program on a host, whose console output arrives here line by line."""

    def __init__(
        self,
        host: Connection,
        command: Sequence[str],
        log: Path,
        *,
        name: str,
        errors: Path | None = None,
        directory: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.console = Console(log)
        self._errors = errors
        if errors is None:
            command = ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]
        self._watched = WatchedCommand(host, command, environment=environment, directory=directory, live=True)
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        self.console.read_from(iter(functools.partial(self._watched.channel.recv, CHUNK), b""))
        # A panic ends the reading: the program is to end, too.
        self._watched.end()
        if self._errors is not None:
            self._errors.write_text(self._watched.errors)

    @property
    def stderr_tail(self) -> str:
        """The end of its standard error, once it has ended."""
        if self._errors is None or not self._errors.exists():
            return ""
        return self._errors.read_text(errors="replace").strip()

    @property
    def alive(self) -> bool:
        """Whether it runs and the connection is up."""
        return self._reader.is_alive()

    def wait(self, deadline: Deadline) -> bool:
        """Wait for its end; whether it ended in time."""
        self._reader.join(deadline.remaining())
        return not self.alive

    def how_it_ended(self) -> str:
        """Whether and how it ended, with its last console lines."""
        if self.alive:
            ended = "runs"
        elif (status := self._watched.status(Deadline(ENDS_WITHIN))) is not None:
            ended = f"ended with status {status}"
        else:
            ended = "is lost: the connection to its host broke"
        return f"{self.name} {ended}. Its last lines ({self.console.log}):\n{self.console.tail()}"

    def close(self) -> None:
        """End it and all of its process group, and wait for that; closing twice does nothing."""
        self._watched.close()
        self._reader.join(ENDS_WITHIN)
