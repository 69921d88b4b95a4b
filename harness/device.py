"""A device at the other end of adb: its shell, its files, its facts, and processes that make system calls."""

from __future__ import annotations

import contextlib
import functools
import shlex
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import adbutils

from device_agents.build import syscall_agent
from emulator.deadline import Deadline
from emulator.embedded.userland import binder_userland
from emulator.errors import DeviceLostError, HarnessError
from emulator.lifeline import LifeLine
from emulator.target import open_target
from harness.agent.files import AgentFiles
from harness.agent.process import RemoteProcess
from harness.agent.stream import AdbShellStream
from harness.agent.syscalls import Architecture
from harness.facts import FacilityMissingError, Facts
from harness.kernel.binder_state import BinderState
from harness.kernel.maps import DetailedMapping, Maps
from harness.kernel.procfs import ProcessFiles
from harness.kernel.tracing import Tracing

SHELL_SECONDS = 30.0
AGENT_DIRECTORY = "/data/local/tmp/binder-harness"


class ShellError(HarnessError):
    """A command on the device failed; the message ends in what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class ShellResult:
    """How a command on the device ended."""

    status: int
    """The exit status; 128 + n for signal n."""
    output: str
    errors: str
    """The last 4096 characters of standard error."""


class Device:
    """A running device. Obtained from `open_device`, used as a context manager."""

    def __init__(self, life_line: LifeLine) -> None:
        self.life_line = life_line
        self.serial = life_line.serial
        self._adb = adbutils.AdbClient().device(life_line.serial)
        self._resources = contextlib.ExitStack()
        self._resources.callback(life_line.close)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Device {self.serial}>"

    @property
    def alive(self) -> bool:
        """Whether the device runs, as far as its maker can tell without asking it."""
        return self.life_line.alive

    def console_tail(self) -> str:
        """What is known of the device's end, with the last lines of its console."""
        return self.life_line.why_lost()

    def close(self) -> None:
        """End the agents, remove what was pushed, and end the device if it was started here."""
        self._resources.close()

    @functools.cached_property
    def facts(self) -> Facts:
        """What this device is and can show, found by trying when first asked for."""
        from harness.probe import find_facts

        return find_facts(self)

    # --- the shell and files, over adb ---

    def run(self, command: str | Sequence[str], *, deadline: Deadline | None = None) -> ShellResult:
        """Run a command in the device's shell and wait for its end: 30 s unless `deadline` says otherwise.

        A sequence is quoted word by word. Raises TimeLimitError, and DeviceLostError when the device dies.
        """
        deadline = deadline or Deadline(SHELL_SECONDS)
        line = command if isinstance(command, str) else shlex.join(command)
        stream = self._open_shell(line)
        output = bytearray()
        with contextlib.closing(stream), _closed_at(deadline, stream):
            stream.close_input()
            while chunk := stream.receive(1 << 16):
                output += chunk
            status = stream.exit_status(deadline)
        if status is None:
            self._raise_if_lost()
            deadline.check(f"`{line}` on {self.serial}")
            raise ShellError(
                f"`{line}`: adb broke off the connection to {self.serial} before the command ended."
            )
        code = status.code if status.code is not None else 128 + (status.signal or 0)
        return ShellResult(code, output.decode(errors="replace"), stream.standard_error)

    def shell(self, command: str | Sequence[str], *, deadline: Deadline | None = None) -> str:
        """Standard output of a command that must succeed, without its last newline; otherwise ShellError."""
        result = self.run(command, deadline=deadline)
        if result.status != 0:
            line = command if isinstance(command, str) else shlex.join(command)
            raise ShellError(
                f"`{line}` failed with status {result.status}: {result.errors.strip() or result.output}"
            )
        return result.output.removesuffix("\n")

    def push(self, local: Path, remote: str, *, mode: int = 0o644) -> None:
        """Copy a file to the device; raises HarnessError when it does not arrive whole."""
        try:
            self._adb.sync.push(local, remote, mode, check=True)
        except (adbutils.AdbError, OSError) as error:
            self._raise_if_lost()
            raise HarnessError(
                f"{local.name} could not be put at {remote} on {self.serial}: {error}. "
                f"Is there room, and may adb write there? See `adb -s {self.serial} shell df`."
            ) from error

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file from the device; raises HarnessError when that fails."""
        try:
            self._adb.sync.pull(remote, local)
        except (adbutils.AdbError, OSError) as error:
            self._raise_if_lost()
            raise HarnessError(f"{remote} could not be read from {self.serial}: {error}") from error

    # --- processes ---

    def process(self, *, uid: int | None = None, gid: int | None = None) -> DeviceProcess:
        """Start a process on the device whose system calls are made from here, with another user if given.

        It ends with `with`, with its `close`, or with the device. Raises HarnessError when the agent does
        not start, which says what the device wrote.
        """
        words = ["exec", self._agent]
        for name, number in (("--uid", uid), ("--gid", gid)):
            words += [name, str(number)] if number is not None else []
        stream = self._open_shell(" ".join(words))
        try:
            process = DeviceProcess.start(stream, kill=self._kill)
        except HarnessError:
            stream.close()
            self._raise_if_lost()
            raise
        process.device = self
        self._resources.callback(process.close)
        return process

    @functools.cached_property
    def files(self) -> AgentFiles:
        """The device's files, with the rights that adb's shell has."""
        return AgentFiles(self.process())

    @functools.cached_property
    def binder(self) -> BinderState:
        """What the driver's debug files show."""
        return BinderState(self.files)

    @functools.cached_property
    def tracing(self) -> Tracing:
        """What the kernel can record of itself."""
        return Tracing(self.files)

    @functools.cached_property
    def architecture(self) -> Architecture:
        """The architecture of the device's processors."""
        return Architecture(self.shell("uname -m"))

    @functools.cached_property
    def libbinder_probe(self) -> str:
        """Where on the device the program lies that uses AOSP's libbinder; see its --help.

        Raises FacilityMissingError for a device whose architecture it is not built for.
        """
        if self.architecture is not Architecture.X86_64:
            raise FacilityMissingError(
                f"The libbinder probe is built for x86_64 alone, and this device is {self.architecture}."
            )
        return self._put(binder_userland() / "libbinder_probe")

    @functools.cached_property
    def _agent(self) -> str:
        """Where on the device the system call agent lies: built, if need be, and pushed at first use."""
        return self._put(syscall_agent(self.architecture))

    @functools.cached_property
    def _directory(self) -> str:
        """Where what is pushed lies; a device that is not ours is left without it."""
        self.shell(["mkdir", "-p", AGENT_DIRECTORY])
        if not self.life_line.disposable:
            self._resources.callback(self.run, ["rm", "-rf", AGENT_DIRECTORY])
        return AGENT_DIRECTORY

    def _put(self, program: Path) -> str:
        remote = f"{self._directory}/{program.name}"
        self.push(program, remote, mode=0o755)
        return remote

    def _kill(self, pid: int, signal: int) -> None:
        self.shell(["kill", f"-{signal}", str(pid)])

    def _open_shell(self, line: str) -> AdbShellStream:
        try:
            connection = self._adb.open_transport()
            connection.send_command(f"shell,v2,raw:{line}")
            connection.check_okay()
        except (adbutils.AdbError, OSError) as error:
            self._raise_if_lost()
            raise HarnessError(
                f"adb does not reach {self.serial}: {error}. Does `adb devices` list it as `device`?"
            ) from error
        return AdbShellStream(connection.conn)

    def _raise_if_lost(self) -> None:
        if not self.alive:
            raise DeviceLostError(self.console_tail())


class DeviceProcess(RemoteProcess):
    """A process on a device, with what the device's /proc shows of it."""

    device: Device

    @property
    def procfs(self) -> ProcessFiles:
        """Its directory in /proc, as the device's root reads it."""
        return ProcessFiles(self.device.files, self.pid)

    @property
    def maps(self) -> Maps[DetailedMapping]:
        """Its mappings, from /proc/PID/smaps."""
        return self.procfs.maps


def open_device(target: str = "embedded", *, deadline: Deadline | None = None) -> Device:
    """Get the device that `target` names, started if need be, and wait until adb reaches it.

    Raises UsageError for an unknown target (the message lists the valid ones), SetupError when this machine
    lacks something, DeviceLostError when the device does not come up within 120 s or `deadline`.
    """
    return Device(open_target(target, deadline=deadline))


@contextlib.contextmanager
def _closed_at(deadline: Deadline, stream: AdbShellStream) -> Iterator[None]:
    """Close the stream, which wakes whoever receives from it, if the block is not through by the deadline."""
    timer = threading.Timer(deadline.remaining(), stream.close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
