"""The embedded device: image, snapshot, machine and adb put together."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emulator.base.controller import close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.on_demand import OnDemand
from emulator.base.progress import step
from emulator.cache.run_directory import run_directory
from emulator.embedded.image import AGENT, Image, embedded_image
from emulator.embedded.kernel.kernel import find_kernel
from emulator.embedded.qemu.acceleration import choose_acceleration
from emulator.embedded.qemu.board import kernel_arguments
from emulator.embedded.qemu.channel import Program
from emulator.embedded.qemu.machine import Hardware, Machine
from emulator.embedded.qemu.qemu_device import QemuDevice
from emulator.embedded.snapshot import restored_machine
from emulator.target import START_SECONDS, Target

USERLAND = "binder_harness.userland"
"""The kernel argument by which the device's init learns which servicemanager to start."""
PORTS = 16
"""Agents that can run over virtio-serial at once; those beyond use adb. A port costs 1 ms at a start."""
WAITING = ((AGENT,),) * 4
"""Agents that run in a snapshot already, for the first processes that are asked for: under emulation, the
first that is started after a restore takes as long as the restore."""
CONNECT_SECONDS = 30.0
LISTED_AFTER = 0.3
"""Seconds after which `adb devices` comes to list a device that nobody has used adb for."""


class EmbeddedDevice(QemuDevice):
    """The controller of an embedded device."""

    machine: Machine
    rollback_seconds = 60.0

    def __init__(
        self, target: Target, hardware: Hardware, resources: contextlib.ExitStack, deadline: Deadline
    ) -> None:
        self.hardware = hardware
        self._warm = target.option("start") == "warm"
        self._directory = resources.enter_context(run_directory())
        self._adb_reaches_it = OnDemand(lambda: self.reconnect(Deadline(CONNECT_SECONDS)))
        super().__init__(target, self._started_machine(deadline), self._booting_machine, resources)

    @property
    def serial(self) -> str:
        """Its serial at the adb server, which reaches it once this has been asked for, or a moment later.

        Agents need no adb, whose way there takes as long as all else of a warm start. Raises DeviceLostError
        where adb does not reach it within 30 s.
        """
        self._adb_reaches_it.ensure()
        return super().serial

    def wait_until_ready(self, deadline: Deadline) -> None:
        """Wait for adbd to listen, and for adb where that has reached the device before."""
        self.machine.wait_until_ready(deadline)
        if self._adb_reaches_it.done:
            self.reconnect(deadline)
        else:
            self._adb_reaches_it.schedule(LISTED_AFTER)

    def _disconnect(self) -> None:
        self._adb_reaches_it.cancel()
        if self._adb_reaches_it.begun:
            super()._disconnect()

    def start_agent(self, arguments: Sequence[str]) -> Program | None:
        """Start a system call agent, as root, over virtio-serial; None where no port is free."""
        return self.machine.ports.run([AGENT, *arguments])

    def rollback(self, deadline: Deadline) -> None:
        """Put it back into the state in which it was handed out: from the snapshot, or by another boot."""
        self._replace_machine(lambda adb_port: self._started_machine(deadline, adb_port=adb_port), deadline)

    def _started_machine(self, deadline: Deadline, *, adb_port: int = 0) -> Machine:
        """A machine from the snapshot, or where that is not wanted or cannot be, one that boots."""
        if self._warm:
            directory = self._new_directory()
            machine = restored_machine(self.hardware, directory, adb_port=adb_port, deadline=deadline)
            if machine is not None:
                return machine
        return self._booting_machine(adb_port)

    def _booting_machine(self, adb_port: int) -> Machine:
        return Machine(self.hardware, self._new_directory(), adb_port=adb_port)

    def _new_directory(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._directory))


def image_of(target: Target) -> Image:
    """What a target says is to boot: its kernel, and the user space for that."""
    given = target.given
    return embedded_image(find_kernel(target.option("kernel"), given.get("arch"), given.get("pages")))


def hardware_of(target: Target, image: Image) -> Hardware:
    """The machine that a target describes, under emulation."""
    architecture = image.kernel.architecture
    return Hardware(
        kernel=image.kernel.image,
        initramfs=image.initramfs,
        architecture=architecture,
        memory_mib=int(target.option("memory")),
        processors=int(target.option("processors")),
        kernel_arguments=(
            *kernel_arguments(architecture),
            f"{USERLAND}={target.option('userland')}",
        ),
    )


def open_embedded(target: Target, deadline: Deadline | None = None) -> EmbeddedDevice:
    """Start an embedded device, from a snapshot unless it is to boot, and wait until its adbd listens."""
    image = image_of(target)
    acceleration = choose_acceleration(target.option("acceleration"), image)
    hardware = replace(hardware_of(target, image), acceleration=acceleration, ports=PORTS, waiting=WAITING)
    with close_on_failure() as resources, step(f"starting {target}"):
        deadline = deadline or Deadline(START_SECONDS)
        device = EmbeddedDevice(target, hardware, resources, deadline)
        device.wait_until_ready(deadline)
    return device
