"""A device's shell and files, over whatever link reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.adb.transfer import LARGEST_FILE
from emulator.base.controller import CanRunCommands, Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError, reason_of
from harness.agent.stream import ProcessStream
from harness.argument_types import checked_methods
from harness.device.adb_link import AdbLink
from harness.device.command import SHELL_SECONDS, ShellError, ShellResult, as_line, result_of
from harness.device.link import Link, Surroundings, raise_if_lost
from harness.device.machine_link import MachineLink


@checked_methods
class DeviceShell:
    """One device, by its controller and through the link to it."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._closed = False
        self._link: Link = (
            MachineLink(controller) if isinstance(controller, CanRunCommands) else AdbLink(controller)
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.controller.target}>"

    @property
    def serial(self) -> str:
        """The device's serial at the adb server; the name of a machine that is reached without adb.

        adb connects to the embedded device when this is first read; DeviceLostError where that fails.
        """
        return self.controller.serial

    @property
    def surroundings(self) -> Surroundings:
        """Where programs run on the device."""
        return self._link.surroundings

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
        line = as_line(command)
        result = result_of(self.open_shell(line), line, deadline)
        if result is None:
            self.raise_if_lost(cut_off=True)
            deadline.check(f"`{line}` on {self.serial}")
            raise ShellError(f"`{line}`: the connection to {self.serial} ended before the command did.")
        return result

    def shell(self, command: str | Sequence[str], *, deadline: Deadline | None = None) -> str:
        """Standard output of a command that must succeed, without its last newline; otherwise ShellError."""
        result = self.run(command, deadline=deadline)
        if result.status != 0:
            printed = result.errors.strip() or result.output or "it printed nothing"
            raise ShellError(f"`{as_line(command)}` failed with status {result.status}: {printed}")
        return result.output.removesuffix("\n")

    def push(self, local: Path, remote: str, *, mode: int = 0o644) -> None:
        """Copy a file to the device; HarnessError if it does not arrive whole, UsageError if it is none."""
        try:
            local.open("rb").close()
        except OSError as error:
            raise UsageError(f"{local} cannot be read on this machine: {reason_of(error)}.") from error
        self._require_open()
        self._link.push(local, remote, mode)

    def pull(self, remote: str, local: Path, *, largest: int = LARGEST_FILE) -> None:
        """Copy a file of at most `largest` bytes from the device; raises HarnessError when that fails."""
        self._require_open()
        self._link.pull(remote, local, largest)

    def open_shell(self, line: str) -> ProcessStream:
        """Start a command whose streams stay open; closing the stream ends the command's input."""
        self._require_open()
        return self._link.open_shell(line)

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError(f"{self.controller.target} is closed: use the device within its `with` block.")

    def reach_again(self) -> bool:
        """Whether the link had lost a device that lives, and reaches it again.

        Raises DeviceLostError where it does not.
        """
        return self._link.reach_again()

    def raise_if_lost(self, *, cut_off: bool = False) -> None:
        """Raise DeviceLostError, with the reason as far as it is known, where the device is gone.

        After a connection was `cut_off`, the device has 2 s to end: its connections may end first.
        """
        raise_if_lost(self.controller, cut_off=cut_off)
