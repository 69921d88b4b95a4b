"""The embedded device: image, machine and adb put together."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import adbutils

from emulator.adb_server import ensure_adb_server, server_port
from emulator.deadline import Deadline
from emulator.embedded.acceleration import choose_acceleration
from emulator.embedded.image import embedded_image
from emulator.embedded.machine import Hardware, Machine
from emulator.errors import DeviceLostError, TimeLimitError
from emulator.progress import step
from emulator.target import START_SECONDS, Target

USERLAND = "binder_harness.userland"
"""The kernel argument by which the device's init learns which servicemanager to start."""


class EmbeddedDevice:
    """The life line of an embedded device."""

    disposable = True

    def __init__(self, target: Target, machine: Machine, resources: contextlib.ExitStack) -> None:
        self.target = str(target)
        self.machine = machine
        self.serial = f"127.0.0.1:{machine.adb_port}"
        self._resources = resources
        self._adb = adbutils.AdbClient(host="127.0.0.1", port=server_port())
        resources.callback(self._disconnect)

    @property
    def alive(self) -> bool:
        """Whether QEMU runs and its kernel has not panicked."""
        return self.machine.alive

    def why_lost(self) -> str:
        """What ended the device, with the last lines of its console."""
        return self.machine.why_lost()

    def restart(self, deadline: Deadline) -> None:
        """Reset the machine and wait until adb reaches it again."""
        since = self.machine.console.position
        # Otherwise the adb server holds on to a device that it believes offline.
        self._disconnect()
        self.machine.reset()
        self.wait_until_ready(deadline, since=since)

    def wait_until_ready(self, deadline: Deadline, *, since: int = 0) -> None:
        """Wait for adbd to listen and for the adb server to reach it."""
        self.machine.wait_until_ready(since=since, deadline=deadline)
        try:
            deadline.poll(self._connected, f"adb to reach {self.serial}")
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}: {self.why_lost()}") from error

    def _connected(self) -> bool:
        if not self.alive:
            raise DeviceLostError(self.why_lost())
        try:
            self._adb.connect(self.serial, timeout=5.0)
            return bool(self._adb.device(self.serial).get_state() == "device")
        except (adbutils.AdbError, OSError):
            return False

    def _disconnect(self) -> None:
        with contextlib.suppress(adbutils.AdbError, OSError):
            self._adb.disconnect(self.serial)

    def close(self) -> None:
        """Leave the adb server, end QEMU, remove the device's private directory."""
        self._resources.close()


def open_embedded(target: Target, deadline: Deadline | None = None) -> EmbeddedDevice:
    """Boot an embedded device and wait until adb reaches it."""
    image = embedded_image()
    acceleration = choose_acceleration(target.option("acceleration"), image)
    ensure_adb_server()
    hardware = Hardware(
        kernel=image.kernel.image,
        initramfs=image.initramfs,
        memory_mib=int(target.option("memory")),
        processors=int(target.option("processors")),
        acceleration=acceleration,
        kernel_arguments=(f"{USERLAND}={target.option('userland')}",),
    )
    with contextlib.ExitStack() as resources:
        directory = resources.enter_context(tempfile.TemporaryDirectory(prefix="binder-harness-"))
        with step(f"booting {target}"):
            machine = resources.enter_context(Machine(hardware, Path(directory)))
            device = EmbeddedDevice(target, machine, resources)
            device.wait_until_ready(deadline or Deadline(START_SECONDS))
        device._resources = resources.pop_all()
    return device
