"""Where devices run: this machine or one reached over SSH, asked for the same things in the same words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulator.base.command import missing_program
from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.prerequisites import package_of


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int | None
    """Its exit status; None where it was ended because its time was over."""
    output: str
    errors: str

    def why_failed(self, seconds: float) -> str:
        """How it failed, in words, having had so many seconds."""
        return f"took over {seconds:g} s" if self.status is None else f"failed with status {self.status}"


class Running(Protocol):
    """A program that runs for as long as its device does, and ends with whoever started it."""

    @property
    def name(self) -> str:
        """The program's, without its directory."""
        ...

    @property
    def said(self) -> Console:
        """What it writes, line by line."""
        ...

    @property
    def complaint(self) -> str:
        """What it wrote to standard error, where that was kept apart."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as its output tells, which ends with it."""
        ...

    def wait(self, deadline: Deadline) -> bool:
        """Wait for its end; whether it came in time."""
        ...

    def how_it_ended(self) -> str:
        """Whether and how it ended, with the last lines of what it wrote."""
        ...

    def close(self) -> None:
        """End it and all it has started, and wait for that; closing twice does nothing."""
        ...


class Will(Protocol):
    """A command that waits for its hour: the call of `execute`, or the end of whoever left it."""

    def execute(self, deadline: Deadline) -> int | None:
        """Run the command now and wait for its end; its status, None where it takes too long."""
        ...


class Host(Protocol):
    """A machine on which devices run. What is started there ends with us, however we end."""

    @property
    def address(self) -> str:
        """As ssh://USER@HOST; empty for this machine."""
        ...

    @property
    def directory(self) -> str:
        """The directory there that is ours, as an absolute path."""
        ...

    def variable(self, name: str) -> str:
        """A variable of the user's environment there; empty where it is not set."""
        ...

    def find(self, program: str) -> str | None:
        """Where a program lies: one on the PATH, or the path of one; None where there is none."""
        ...

    def call(
        self, command: Sequence[str], *, deadline: Deadline, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run a command to its end, or to the deadline. Daemons that it leaves are not waited for."""
        ...

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Start a program; what it writes goes to `log`, a file of this machine."""
        ...

    def cleanup_command(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> Will:
        """Have a command run there in the end: for what a device's own tools leave running."""
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Keep what `name` stands for from all other runs on that machine, whoever's they are, for a block.

        HarnessError at once where one has it, SetupError where that cannot be told.
        """
        ...

    def answers(self, port: int) -> bool:
        """Whether something accepts connections on that port of its 127.0.0.1."""
        ...

    def forward(self, port: int) -> AbstractContextManager[int]:
        """A port of this machine's 127.0.0.1 that leads to one of the host's, for a block."""
        ...

    def put(self, file: Path) -> Path:
        """Where the content of a file of this machine lies there: put there unless it is already."""
        ...


def lock_of_all(name: str) -> str:
    """The file by which all users of a machine keep `name` from each other.

    Opened for reading it can be locked (flock(2)), and whoever made it, others may open it so.
    """
    return f"/tmp/binder-harness-{name}.lock"


def ask(host: Host, command: Sequence[str], seconds: float) -> str:
    """The output of a command that must succeed within some seconds; SetupError otherwise."""
    ended = host.call(command, deadline=Deadline(seconds))
    if ended.status == 0:
        return ended.output
    where = f" on {host.address}" if host.address else ""
    how = ended.why_failed(seconds)
    raise SetupError(f"`{' '.join(command)}`{where} {how}.\n{ended.errors.strip()}".rstrip())


def absence(host: Host, program: str) -> str:
    """Why a program cannot be used on a host, with what fixes that; empty where it can."""
    if host.find(program) is not None:
        return ""
    if not host.address:
        return str(missing_program(program))
    return (
        f"{host.address} has no {program}. Install Debian's {package_of(program) or 'package of it'} there."
    )


def take_free(
    host: Host,
    what: str,
    numbers: Iterable[int],
    ports: Callable[[int], Sequence[int]],
    resources: contextlib.ExitStack,
) -> int | None:
    """The first number that no other run has and whose ports are free; None where there is none.

    It is kept from other runs until `resources` are closed.
    """
    for number in numbers:
        with contextlib.ExitStack() as attempt:
            try:
                attempt.enter_context(host.lock(f"{what}-{number}"))
            except SetupError:  # the host is at fault, not the number
                raise
            except HarnessError:
                continue
            if not any(map(host.answers, ports(number))):
                resources.push(attempt.pop_all())
                return number
    return None


def serial_of(host: Host, port: int, known: str, resources: contextlib.ExitStack) -> str:
    """The serial of a device whose adbd listens on a port there: by a tunnel, or here the one that is known.

    The tunnel ends with `resources`.
    """
    if not host.address:
        return known
    return f"127.0.0.1:{resources.enter_context(host.forward(port))}"
