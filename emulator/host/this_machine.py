"""This machine as a host of devices, by the system's own means."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from emulator.adb.server import answers
from emulator.base.child_program import ChildProgram
from emulator.base.command import shown, started
from emulator.base.controller import CommandStream
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError, reason_of
from emulator.base.lock_file import take
from emulator.cache.root import cache_root
from emulator.host.host import CleanupCommand, FinishedCommand, SupervisedProgram, shared_lock_file
from emulator.host.local_stream import LocalStream

# $@: the command. The pipe closes with the last process that could write to it: ours.
CLEAN_UP = 'cat > /dev/null; exec "$@" > /dev/null 2>&1'

logger = logging.getLogger(__name__)


class ThisMachine:
    """The local host. Its locks are those of all users, unless another place for their files is given."""

    address = ""

    def __init__(self, lock_file: Callable[[str], str] = shared_lock_file) -> None:
        self._lock_file = lock_file

    @property
    def directory(self) -> str:
        """The cache."""
        return str(cache_root())

    def variable(self, name: str) -> str:
        """A variable of this process's environment."""
        return os.environ.get(name, "")

    def find(self, program: str) -> str | None:
        """The path of a program."""
        return shutil.which(program)

    def run(
        self, command: Sequence[str], *, deadline: Deadline, environment: Mapping[str, str] | None = None
    ) -> FinishedCommand:
        """Run a command to its end; it and all of its process group are ended at the deadline."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            status: int | None = None
            with (
                started(command, output=output, errors=errors, environment=environment) as process,
                contextlib.suppress(subprocess.TimeoutExpired),
            ):
                status = process.wait(deadline.remaining())
            return FinishedCommand(status, _text(output), _text(errors))

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> SupervisedProgram:
        """Start a program."""
        return ChildProgram(command, log, environment=environment)

    def open(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> CommandStream:
        """Start a command whose input and output stay open."""
        return LocalStream(command, environment)

    def cleanup_command(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> CleanupCommand:
        """Leave a command to be run in the end."""
        return LocalCleanupCommand(command, environment=environment)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep all other runs from using what `name` stands for."""
        file = self._lock_file(name)
        try:
            with contextlib.suppress(FileExistsError), open(file, "x") as made:
                os.fchmod(made.fileno(), 0o444)
            lock = open(file)  # noqa: SIM115
        except OSError as error:
            raise SetupError(f"{file} cannot be locked: {reason_of(error)}. Remove it.") from error
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


class LocalCleanupCommand:
    """A command that runs when `execute` is called, or when this process ends, even by SIGKILL."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        logger.debug("run at the end: %s", shown(command))
        self._waiting = subprocess.Popen(
            ["sh", "-c", CLEAN_UP, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def execute(self, deadline: Deadline) -> int | None:
        """Run the command now and wait for its end; its status, None where it takes too long."""
        assert self._waiting.stdin is not None
        self._waiting.stdin.close()
        try:
            return self._waiting.wait(deadline.remaining())
        except subprocess.TimeoutExpired:
            return None


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
