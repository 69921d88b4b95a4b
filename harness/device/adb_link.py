"""The link to a device through adb."""

from __future__ import annotations

import stat
from pathlib import Path

from emulator.adb.client import REACHED, AdbClient, AdbRequestError
from emulator.base.controller import CanReconnect, Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.stream import AdbShellStream
from harness.device.command import SHELL_SECONDS, as_line, result_of
from harness.device.link import Surroundings, raise_if_lost
from harness.device.private_node import NodePlace

RECONNECT_SECONDS = 15.0
AGENT_DIRECTORY = "/data/local/tmp/binder-harness"
ATTACHED_DIRECTORY = f"{AGENT_DIRECTORY}-attached"
"""On a device that the run did not start: `boot` may have started it and put programs on it."""
NODE_PLACE = NodePlace(f"{AGENT_DIRECTORY}-node", "/dev/binderfs")
"""Android's binderfs is at /dev/binderfs (system/core/rootdir/init.rc, Android 11 and later)."""
BINDER_DEVICES = tuple(
    f"{directory}/{name}"
    for directory in ("/dev", "/dev/binderfs")
    for name in ("vndbinder", "hwbinder", "binder")
)
"""servicemanager's own device comes last."""


class AdbLink:
    """A device, by its controller, as adb reaches it."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._adb = AdbClient(reach_again=self.reach_again)

    @property
    def surroundings(self) -> Surroundings:
        """Android's, as adb's shell finds them."""
        return Surroundings(
            directory=AGENT_DIRECTORY if self._controller.disposable else ATTACHED_DIRECTORY,
            binder_devices=BINDER_DEVICES,
            node_place=NODE_PLACE,
            is_android=True,
            how_to_root=_how_to_root,
        )

    @property
    def _serial(self) -> str:
        return self._controller.serial

    def open_shell(self, line: str) -> AdbShellStream:
        """Start a command whose streams stay open; closing the stream ends the command's input.

        Raises HarnessError where adb starts none, DeviceLostError where the device is lost.
        """
        try:
            return AdbShellStream(self._adb.open_shell(self._serial, line))
        except AdbRequestError as error:
            raise_if_lost(self._controller, cut_off=True)
            raise HarnessError(f"adb starts no command on {self._serial}: {error.reason}.") from error

    def push(self, local: Path, remote: str, mode: int) -> None:
        """Copy a file to the device; HarnessError if it does not arrive whole."""
        try:
            self._adb.push(self._serial, local, remote, mode)
        except AdbRequestError as error:
            raise_if_lost(self._controller)
            room = self._room_at(str(Path(remote).parent))
            raise HarnessError(
                f"{local.name} ({local.stat().st_size:,} bytes) could not be put at {remote} on "
                f"{self._serial}, where {room}: {error.reason}. "
                "Free some space there, or let adb write there (`adb root`)."
            ) from error

    def _room_at(self, directory: str) -> str:
        """A clause about the free space at a directory; adbd's own message does not reach us."""
        line = as_line(["df", "-P", "-k", directory])
        shown = result_of(self.open_shell(line), line, Deadline(SHELL_SECONDS))
        fields = shown.output.splitlines()[-1].split() if shown and shown.output else []
        if len(fields) < 4 or not fields[3].isdecimal():
            return "the free space is unknown"
        return f"{int(fields[3]) * 1024:,} bytes are free"

    def pull(self, remote: str, local: Path, largest: int) -> None:
        """Copy a file of at most `largest` bytes from the device; raises HarnessError when that fails."""
        try:
            if not stat.S_ISREG(self._adb.file_mode(self._serial, remote)):
                raise HarnessError(f"{remote} could not be read from {self._serial}: there is no such file.")
            self._adb.pull(self._serial, remote, local, largest=largest)
        except AdbRequestError as error:
            raise_if_lost(self._controller)
            raise HarnessError(f"{remote} could not be read from {self._serial}: {error.reason}.") from error

    def reach_again(self) -> bool:
        """Whether adb had lost the device and reaches it again: any program may end the adb server.

        Raises DeviceLostError where adb does not reach it within 15 s. Where adb has not lost it, this costs
        one request to the server.
        """
        if not isinstance(self._controller, CanReconnect) or self._adb.state(self._serial) == REACHED:
            return False
        self._controller.reconnect(Deadline(RECONNECT_SECONDS))
        return True


def _how_to_root(uid: int, build_type: str | None) -> str:
    # On a user build adbd refuses (AOSP, adb/daemon/restart_service.cpp).
    remedy = "a user build has no `adb root`" if build_type == "user" else "try `adb root`"
    return f"adb's shell runs as user {uid}; {remedy}"
