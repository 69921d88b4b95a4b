"""This machine, as a host of devices: what the others do over SSH, done by the system's own means."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from emulator.adb.server import answers
from emulator.base.cleanup_command import CleanupCommand
from emulator.base.command import started
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.lock_file import take
from emulator.base.program import Program
from emulator.cache.store import cache_root
from emulator.host.host import Ended, Running, Will, lock_of_all


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
            status: int | None = None
            with (
                started(command, output=output, errors=errors, environment=environment) as process,
                contextlib.suppress(subprocess.TimeoutExpired),
            ):
                status = process.wait(deadline.remaining())
            return Ended(status, _text(output), _text(errors))

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Start a program."""
        return Program(command, log, environment=environment)

    def cleanup_command(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> Will:
        """Have a command run in the end."""
        return CleanupCommand(command, environment=environment)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep what `name` stands for from all other runs."""
        file = lock_of_all(name)
        try:
            with contextlib.suppress(FileExistsError), open(file, "x") as made:
                os.fchmod(made.fileno(), 0o444)
            lock = open(file)  # noqa: SIM115
        except OSError as error:
            raise SetupError(f"{file} cannot be locked: {error.strerror}. Remove it.") from error
        with lock:
            if not take(lock):
                raise HarnessError(f"Another run has {name}.")
            yield

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
