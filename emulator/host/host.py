"""Where devices run, this machine or one reached over SSH, behind one interface."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from emulator.base.command import missing_program, shown
from emulator.base.console import Console
from emulator.base.controller import CommandStream
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.prerequisites import package_of


@dataclass(frozen=True)
class FinishedCommand:
    """How a command ended, and its output."""

    status: int | None
    """Its exit status; None where it was ended because its time was over."""
    output: str
    errors: str

    def failure(self, seconds: float) -> str:
        """How it failed, for messages, having had so many seconds."""
        return f"took over {seconds:g} s" if self.status is None else f"failed with status {self.status}"


class SupervisedProgram(Protocol):
    """A program that runs for as long as its device does, and ends with whoever started it."""

    @property
    def name(self) -> str:
        """The program's name, without its directory."""
        ...

    @property
    def console(self) -> Console:
        """Its output, line by line."""
        ...

    @property
    def stderr_tail(self) -> str:
        """The end of its standard error, where that was kept apart."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as its output shows, which ends with it."""
        ...

    def wait(self, deadline: Deadline) -> bool:
        """Wait for its end; whether it ended in time."""
        ...

    def how_it_ended(self) -> str:
        """Whether and how it ended, with its last console lines."""
        ...

    def close(self) -> None:
        """End it and all it has started, and wait for that; closing twice does nothing."""
        ...


class CleanupCommand(Protocol):
    """A command that runs once: when `execute` is called, or when whoever left it ends."""

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
        """The path of a program, given its name on the PATH or its path; None where there is none."""
        ...

    def run(
        self, command: Sequence[str], *, deadline: Deadline, environment: Mapping[str, str] | None = None
    ) -> FinishedCommand:
        """Run a command to its end, or to the deadline. Daemons that it leaves are not waited for."""
        ...

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> SupervisedProgram:
        """Start a program, whose output goes to `log`, a file of this machine."""
        ...

    def open(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> CommandStream:
        """Start a command whose input and output stay open; where we end, its input ends.

        HarnessError where it cannot be started.
        """
        ...

    def cleanup_command(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> CleanupCommand:
        """Leave a command to be run there in the end: for what a device's own tools leave running."""
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Keep all other runs on that machine, of any user, from using what `name` stands for, for a block.

        HarnessError at once where another run has it, SetupError where that cannot be found out.
        """
        ...

    def answers(self, port: int) -> bool:
        """Whether something accepts connections on that port of its 127.0.0.1."""
        ...

    def forward(self, port: int) -> AbstractContextManager[int]:
        """A port of this machine's 127.0.0.1 that leads to one of the host's, for a block."""
        ...

    def put(self, file: Path) -> Path:
        """The path there of a copy of a file of this machine; it is put there unless it is there already."""
        ...


def is_address(text: str) -> bool:
    """Whether `text` is the address of a host: ssh://HOST, with a user and a port if need be."""
    try:
        parts = urlsplit(text)
        return bool(
            parts.scheme == "ssh"
            and parts.hostname
            and not (parts.path or parts.query or parts.fragment or parts.password)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:  # of a port that is no number
        return False


def on(host: Host) -> str:
    """Where something is, for the end of a sentence: ` on ssh://…`, and nothing for this machine."""
    return f" on {host.address}" if host.address else ""


def shared_lock_file(name: str) -> str:
    """The file whose lock all users of a machine take to use what `name` stands for alone.

    Whoever created it, others may open it for reading, which is enough to lock it (flock(2)).
    """
    return f"/tmp/binder-harness-{name}.lock"


def check_output(host: Host, command: Sequence[str], seconds: float) -> str:
    """The output of a command that must succeed within some seconds; SetupError otherwise."""
    finished = host.run(command, deadline=Deadline(seconds))
    if finished.status == 0:
        return finished.output
    failure = f"`{shown(command)}`{on(host)} {finished.failure(seconds)}."
    raise SetupError(f"{failure}\n{finished.errors.strip()}".rstrip())


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
    """The first number that no other run has taken and whose ports are free; None where there is none.

    Other runs cannot take it until `resources` are closed.
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


def serial_from_here(host: Host, port: int, serial_there: str, resources: contextlib.ExitStack) -> str:
    """The serial, for our adb server, of a device whose adbd listens on a port of the host.

    On this machine it is the one it has there; on another, the end of a tunnel that ends with `resources`.
    """
    if not host.address:
        return serial_there
    return f"127.0.0.1:{resources.enter_context(host.forward(port))}"
