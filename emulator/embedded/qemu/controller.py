"""The controller of a device that runs in a QEMU of ours: its machine, and its connection to adb."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from emulator.adb.adbd import become_root
from emulator.adb.client import REACHED, UNAUTHORIZED, AdbClient, AdbRequestError
from emulator.adb.keys import private_key_file
from emulator.adb.offline import OFFLINE
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, TimeLimitError
from emulator.embedded.qemu.running_machine import READY, RunningMachine
from emulator.target import Target


class QemuDevice:
    """A running machine and the serial of the device in it."""

    disposable = True

    def __init__(
        self,
        target: Target,
        machine: RunningMachine,
        boot: Callable[[int], RunningMachine],
        resources: contextlib.ExitStack,
        *,
        as_root: bool = False,
    ) -> None:
        """`boot` starts another such machine, with a given port forwarded to its adbd.

        `as_root` restarts adbd as root whenever the machine has started, if adbd agrees.
        """
        self.target = str(target)
        self.machine = machine
        """Its QEMU, which restarts and roll backs replace."""
        self._serial = f"127.0.0.1:{machine.adb_port}"
        self._boot = boot
        self._as_root = as_root
        self._resources = resources
        resources.callback(lambda: self.machine.close())
        self._adb = AdbClient()
        self._seen = 0
        """The position on the console up to which the machine's starts are known."""
        resources.callback(self._disconnect)

    @property
    def serial(self) -> str:
        """Its serial at the adb server."""
        return self._serial

    @property
    def alive(self) -> bool:
        """Whether QEMU runs and its kernel has not panicked."""
        return self.machine.alive

    def loss_reason(self) -> str:
        """Why the device was lost, with the last lines of its console."""
        return self.machine.loss_reason()

    def restart(self, deadline: Deadline) -> None:
        """Power-cycle the machine and wait until adb connects again.

        This starts another QEMU: after a reset, PC firmware may restart many times before it boots (SeaBIOS
        in QEMU 7.2 did so up to 28 times).
        """
        self._replace_machine(self._boot, deadline)

    def _replace_machine(self, start: Callable[[int], RunningMachine], deadline: Deadline) -> None:
        # Otherwise the adb server keeps a device that it considers offline.
        self._disconnect()
        self.machine.close()
        self.machine = start(self.machine.adb_port)
        self._seen = 0
        self.wait_until_ready(deadline)

    def wait_until_ready(self, deadline: Deadline) -> None:
        """Wait until adbd listens and the adb server is connected."""
        self.machine.wait_until_ready(deadline)
        self.reconnect(deadline)
        self._become_root(deadline)

    def _become_root(self, deadline: Deadline) -> None:
        if self._as_root:
            become_root(self._adb, self._serial, deadline)

    def reconnect(self, deadline: Deadline) -> None:
        """Connect the adb server to it: the first time, or after another program ended the last server.

        Raises DeviceLostError where it does not connect by the deadline, or has ended.
        """
        try:
            deadline.poll(self._connected, f"adb to connect to {self._serial}")
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}: {self.loss_reason()}") from error

    def _connected(self) -> bool:
        if not self.alive:
            raise DeviceLostError(self.loss_reason())
        with contextlib.suppress(AdbRequestError):  # another program may end the server at any time
            if self._adb.state(self._serial) in OFFLINE and self._has_started():
                # The connection is from before: adb would wait minutes for an answer, and not connect again.
                self._adb.disconnect(self._serial)
        self._adb.connect(self._serial)
        with contextlib.suppress(AdbRequestError):
            state = self._adb.state(self._serial)
            if state == UNAUTHORIZED:
                raise self._distrust()
            return state == REACHED
        return False

    def _has_started(self) -> bool:
        """Whether the machine's adbd has started since this was last asked."""
        console = self.machine.console
        since, self._seen = self._seen, console.position
        try:
            return console.wait_for(READY, since=since, deadline=Deadline(0)) is not None
        except TimeLimitError:
            return False

    def _distrust(self) -> HarnessError:
        """Why adbd refuses the server, which has tried all its keys by now."""
        return SetupError(
            f"The device trusts only the key in {private_key_file()}, and the adb server on port "
            f"{self._adb.port} does not have it: the server was started by another user, with another HOME, "
            "or before that file was replaced. End it with `adb kill-server` if it is yours, or set "
            "ANDROID_ADB_SERVER_PORT to another port, for a server of your own."
        )

    def _disconnect(self) -> None:
        self._adb.disconnect(self._serial)

    def close(self) -> None:
        """Disconnect from the adb server, end QEMU and remove the device's private directory."""
        self._resources.close()
