"""The link to a device through adb: commands in its shell, and files there and back."""

from __future__ import annotations

import contextlib
import shlex
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.adb.client import REACHED, AdbClient, AdbRequestError
from emulator.adb.transfer import LARGEST_FILE
from emulator.base.controller import CanReconnect, Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, TimeLimitError, UsageError
from harness.agent.stream import AdbShellStream

SHELL_SECONDS = 30.0
RECONNECT_SECONDS = 15.0
ENDS_WITHIN = 2.0
"""Seconds that a device has to end after the first of its connections has."""
LARGEST_OUTPUT = 64 << 20
"""Bytes of a command's output."""


class ShellError(HarnessError):
    """A command on the device failed; the message ends with its standard error."""


@dataclass(frozen=True, slots=True)
class ShellResult:
    """How a command on the device ended."""

    status: int
    """The exit status; 128 + n for signal n."""
    output: str
    errors: str
    """The last 4096 characters of standard error."""


class AdbLink:
    """One device, by its controller and through adb."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._adb = AdbClient(reach_again=self.reach_again)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.controller.target}>"

    @property
    def serial(self) -> str:
        """The device's serial at the adb server.

        adb connects to the embedded device when this is first read; DeviceLostError where that fails.
        """
        return self.controller.serial

    @property
    def alive(self) -> bool:
        """Whether the device runs, as far as its controller knows without asking it."""
        return self.controller.alive

    def console_tail(self) -> str:
        """Why the device ended, as far as that is known, with the last lines of its console."""
        return self.controller.loss_reason()

    def run(self, command: str | Sequence[str], *, deadline: Deadline | None = None) -> ShellResult:
        """Run a command in the device's shell and wait for its end: for 30 s, or until `deadline`.

        A sequence is quoted word by word. Raises TimeLimitError, DeviceLostError when the device dies, and
        ShellError for more than 64 MiB of output.
        """
        deadline = deadline or Deadline(SHELL_SECONDS)
        line = command if isinstance(command, str) else shlex.join(command)
        stream = self.open_shell(line)
        output = bytearray()
        with contextlib.closing(stream), _closed_at(deadline, stream):
            stream.close_input()
            while chunk := stream.receive(1 << 16):
                output += chunk
                if len(output) > LARGEST_OUTPUT:
                    raise ShellError(
                        f"`{line}` printed more than {LARGEST_OUTPUT >> 20} MiB on {self.serial}. Write its "
                        "output to a file there, and pull that."
                    )
            status = stream.exit_status(deadline)
        if status is None:
            self.raise_if_lost(cut_off=True)
            deadline.check(f"`{line}` on {self.serial}")
            raise ShellError(
                f"`{line}`: adb closed the connection to {self.serial} before the command ended."
            )
        code = status.code if status.code is not None else 128 + (status.signal or 0)
        return ShellResult(code, output.decode(errors="replace"), stream.standard_error)

    def shell(self, command: str | Sequence[str], *, deadline: Deadline | None = None) -> str:
        """Standard output of a command that must succeed, without its last newline; otherwise ShellError."""
        result = self.run(command, deadline=deadline)
        if result.status != 0:
            line = command if isinstance(command, str) else shlex.join(command)
            printed = result.errors.strip() or result.output or "it printed nothing"
            raise ShellError(f"`{line}` failed with status {result.status}: {printed}")
        return result.output.removesuffix("\n")

    def push(self, local: Path, remote: str, *, mode: int = 0o644) -> None:
        """Copy a file to the device; HarnessError if it does not arrive whole, UsageError if it is none."""
        try:
            local.open("rb").close()
        except OSError as error:
            raise UsageError(f"{local} cannot be read on this machine: {error.strerror}.") from error
        try:
            self._adb.push(self.serial, local, remote, mode)
        except AdbRequestError as error:
            self.raise_if_lost()
            room = self._room_at(str(Path(remote).parent))
            raise HarnessError(
                f"{local.name} ({local.stat().st_size:,} bytes) could not be put at {remote} on "
                f"{self.serial}, where {room}: {error.reason}. "
                "Free some space there, or let adb write there (`adb root`)."
            ) from error

    def _room_at(self, directory: str) -> str:
        """A clause about the free space at a directory; adbd's own message does not reach us."""
        lines = self.run(["df", "-P", "-k", directory]).output.splitlines()
        fields = lines[-1].split() if lines else []
        if len(fields) < 4 or not fields[3].isdecimal():
            return "the free space is unknown"
        return f"{int(fields[3]) * 1024:,} bytes are free"

    def pull(self, remote: str, local: Path, *, largest: int = LARGEST_FILE) -> None:
        """Copy a file of at most `largest` bytes from the device; raises HarnessError when that fails."""
        try:
            if not stat.S_ISREG(self._adb.file_mode(self.serial, remote)):
                raise HarnessError(f"{remote} could not be read from {self.serial}: there is no such file.")
            self._adb.pull(self.serial, remote, local, largest=largest)
        except AdbRequestError as error:
            self.raise_if_lost()
            raise HarnessError(f"{remote} could not be read from {self.serial}: {error.reason}.") from error

    def open_shell(self, line: str) -> AdbShellStream:
        """Start a command whose streams stay open; closing the stream ends the command's input."""
        try:
            return AdbShellStream(self._adb.open_shell(self.serial, line))
        except AdbRequestError as error:
            self.raise_if_lost(cut_off=True)
            raise HarnessError(f"adb starts no command on {self.serial}: {error.reason}.") from error

    def reach_again(self) -> bool:
        """Whether adb had lost the device and reaches it again: any program may end the adb server.

        Raises DeviceLostError where adb does not reach it within 15 s. Where adb has not lost it, this costs
        one request to the server.
        """
        if not isinstance(self.controller, CanReconnect) or self._adb.state(self.serial) == REACHED:
            return False
        self.controller.reconnect(Deadline(RECONNECT_SECONDS))
        return True

    def raise_if_lost(self, *, cut_off: bool = False) -> None:
        """Raise DeviceLostError, with the reason as far as it is known, where the device is gone.

        After a connection was `cut_off`, the device has 2 s to end: its connections may end first.
        """
        if cut_off:
            with contextlib.suppress(TimeLimitError):
                Deadline(ENDS_WITHIN).poll(lambda: not self.alive, "the end of the device")
        if not self.alive:
            raise DeviceLostError(self.console_tail())


@contextlib.contextmanager
def _closed_at(deadline: Deadline, stream: AdbShellStream) -> Iterator[None]:
    """Close the stream, which wakes its receiver, if the block has not ended by the deadline."""
    timer = threading.Timer(deadline.remaining(), stream.close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
