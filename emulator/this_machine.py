"""This machine, as a host of devices: what the others do over SSH, done by the system's own means."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from emulator.adb_server import answers
from emulator.cache import cache_root
from emulator.command import ENDS_WITH_US, missing_program
from emulator.deadline import Deadline
from emulator.device_lock import device_lock
from emulator.host import Ended, Running, Will
from emulator.last_will import LastWill
from emulator.program import Program


class ThisMachine:
    """The host at hand."""

    address = ""

    @property
    def directory(self) -> str:
        """The cache."""
        return str(cache_root())

    def variable(self, name: str) -> str:
        """Of this process's environment."""
        return os.environ.get(name, "")

    def find(self, program: str) -> str | None:
        """Where a program lies."""
        return shutil.which(program)

    def call(
        self, command: Sequence[str], *, deadline: Deadline, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run a command to its end; it and all of its process group are ended at the deadline."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [*ENDS_WITH_US, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise missing_program(ENDS_WITH_US[0]) from error
            status: int | None = None
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(deadline.remaining())
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            return Ended(status, _text(output), _text(errors))

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Start a program."""
        return Program(command, log, environment=environment)

    def last_will(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Will:
        """Have a command run in the end."""
        return LastWill(command, environment=environment)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Keep what `name` stands for from other runs of this user."""
        return device_lock(name, Deadline(0))

    def answers(self, port: int) -> bool:
        """Whether something accepts connections on that port."""
        return answers(port)

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port itself."""
        return contextlib.nullcontext(port)

    def put(self, file: Path) -> Path:
        """The file itself."""
        return file


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
