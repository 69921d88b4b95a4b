"""The embedded device: image, snapshot, machine and adb together; here, or on a host reached over SSH."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from emulator.adb.client import AdbClient, adb_path
from emulator.adb.keys import public_key
from emulator.base.architecture import BY_TARGET_NAME
from emulator.base.controller import close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from emulator.base.on_demand import OnDemand
from emulator.base.progress import step
from emulator.build.generation import DEFAULT_GENERATION, GENERATIONS, Generation
from emulator.build.java.release import JAVA_RELEASES
from emulator.cache.run_directory import run_directory
from emulator.embedded.image import AGENT, Image, embedded_image
from emulator.embedded.kernel.command_line import kernel_arguments
from emulator.embedded.kernel.debian_kernels import is_debians
from emulator.embedded.kernel.find import Kernel, find_kernel
from emulator.embedded.qemu.acceleration import choose_acceleration
from emulator.embedded.qemu.controller import QemuDevice
from emulator.embedded.qemu.machine import Hardware, Machine
from emulator.embedded.qemu.machine_factory import machine_factory
from emulator.embedded.qemu.virtio_serial import GuestProgram
from emulator.embedded.snapshot import restored_machine, snapshot_key
from emulator.embedded.strict import NO_USERLAND, build_type, has_java, in_rust, option
from emulator.target import START_SECONDS, Target

USERLAND = "binder_harness.userland"
"""The kernel argument that has the device's init start no servicemanager, where it is `none`."""
MANAGERS = "binder_harness.managers"
"""The kernel argument that names the binder devices that get a context manager."""
ADB_KEY = "binder_harness.adb_key"
"""The kernel argument that names the key without which the device's adbd admits nobody."""
CHOOSE_RUST = "binder.impl=rust"
"""With this argument, Android's kernels that have both drivers use the one in Rust (drivers/android/binder.c,
android16-6.12); others ignore it."""
PORTS = 16
"""Agents that can run over virtio-serial at once; further ones use adb. A port adds 1 ms to a start."""
WAITING = 4
"""Agents that already run in a snapshot, for the first processes: under emulation, starting the first program
after a restore takes as long as the restore itself."""
CONNECT_SECONDS = 30.0
LISTED_AFTER = 2.0
"""Seconds until `adb devices` lists a device that nobody has used adb for.

Connecting costs the device 0.1 s of processor time under emulation, more than all else of a warm start.
"""


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
        self._adb_connection = OnDemand(lambda: self.reconnect(Deadline(CONNECT_SECONDS)))
        self._strict = build_type(target) is not None
        machine = self._started_machine(deadline)
        super().__init__(target, machine, self._booting_machine, resources, as_root=self._strict)

    @property
    def untouched_state(self) -> str | None:
        """The fingerprint of its snapshot, until an agent starts or adb connects; None for a strict one."""
        touched = self._strict or self._adb_connection.begun
        return None if touched or not self._untouched else snapshot_key(self.hardware)

    @property
    def serial(self) -> str:
        """Its serial at the adb server, which connects at the first access, or a moment after the start.

        Agents need no adb, and connecting takes as long as everything else of a warm start. Raises
        DeviceLostError where adb does not connect within 30 s.
        """
        self._adb_connection.ensure()
        return super().serial

    def wait_until_ready(self, deadline: Deadline) -> None:
        """Wait until adbd listens.

        Of a device that is as strict as a phone nothing is to be had without adb, which then asks for root.
        """
        self.machine.wait_until_ready(deadline)
        if self._strict:
            self._adb_connection.ensure()
        else:
            self._adb_connection.schedule(LISTED_AFTER)
        self._become_root(deadline)

    def _disconnect(self) -> None:
        if self._adb_connection.forget():
            super()._disconnect()

    def start_agent(self, arguments: Sequence[str], *, fresh: bool = False) -> GuestProgram | None:
        """Start a system call agent, as root, over virtio-serial.

        None where no port is free, and on a device as strict as a phone, where adbd starts all programs.
        """
        self._untouched = False
        if self._strict:
            return None
        program = agent_program(self.hardware, next(self._agents))
        return self.machine.ports.run([*program, *arguments], fresh=fresh)

    def rollback(self, deadline: Deadline) -> None:
        """Return it to the state in which it was started: from the snapshot, or by another boot."""
        self._replace_machine(lambda adb_port: self._started_machine(deadline, adb_port=adb_port), deadline)

    def _started_machine(self, deadline: Deadline, *, adb_port: int = 0) -> Machine:
        """A machine restored from the snapshot; for a cold start or without a snapshot, one that boots."""
        self._agents = itertools.count()
        if self._warm:
            directory = self._new_directory()
            machine = restored_machine(self.hardware, directory, adb_port=adb_port, deadline=deadline)
            if machine is not None:
                self._untouched = True
                return machine
        return self._booting_machine(adb_port)

    def _booting_machine(self, adb_port: int) -> Machine:
        self._untouched = False
        return Machine(self.hardware, self._new_directory(), adb_port=adb_port)

    def _new_directory(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._directory))


def image_of(target: Target) -> Image:
    """What a target boots: its kernel, and the initramfs for that."""
    java = JAVA_RELEASES[int(target.option("java"))] if has_java(target) else None
    return embedded_image(_kernel_of(target), build_type(target), generation_of(target), java=java)


def _kernel_of(target: Target) -> Kernel:
    """A target's kernel; of the user's own with the other driver alone, the UsageError names the option."""
    named = option(target, "kernel")
    arch = target.given.get("arch")
    architecture = BY_TARGET_NAME[arch] if arch else None
    find = partial(find_kernel, named, architecture, target.given.get("pages"))
    try:
        return find(in_rust=in_rust(target))
    except UsageError as error:
        if is_debians(named):
            raise
        try:
            find(in_rust=not in_rust(target))
        except UsageError:
            raise error from None
        other, change = (
            ("C", "remove driver=rust from") if in_rust(target) else ("Rust", "add driver=rust to")
        )
        raise UsageError(f"{error} Or {change} the target: it has the driver in {other}.") from error


def generation_of(target: Target) -> Generation:
    """The generation of a target's user space; the default one where no servicemanager is to run."""
    userland = option(target, "userland")
    return DEFAULT_GENERATION if userland == NO_USERLAND else GENERATIONS[int(userland)]


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
            *kernel_arguments(architecture, audit=build_type(target) is not None),
            f"{USERLAND}={option(target, 'userland')}",
            f"{MANAGERS}={option(target, 'managers')}",
            f"{ADB_KEY}={public_key(adb_path)}",
            *((CHOOSE_RUST,) if in_rust(target) else ()),
            *filter(None, (target.option("append"),)),
        ),
    )


def agent_program(hardware: Hardware, number: int) -> tuple[str, ...]:
    """The path and the first arguments of the agent with this number, counted from 0.

    Under emulation, each stays on one processor, in turn. An emulated processor forgets all addresses that it
    has translated when it switches between processes (QEMU, target/i386/helper.c, cpu_x86_update_cr3), so
    that two processes that call each other take less time if they do not share one.
    """
    if hardware.acceleration == "kvm":
        return (AGENT,)
    return AGENT, "--processor", str(number % hardware.processors)


def open_embedded(target: Target, deadline: Deadline | None = None) -> EmbeddedDevice:
    """Start an embedded device on this machine and wait until its adbd listens.

    It starts from a snapshot unless the target asks for a boot.
    """
    image = image_of(target)
    acceleration = choose_acceleration(target.option("acceleration"), image)
    hardware = replace(hardware_of(target, image), acceleration=acceleration)
    if build_type(target) is not None:
        hardware = replace(hardware, ports=1)  # to set the clock after a restore, for no agents
    else:
        waiting = tuple(agent_program(hardware, number) for number in range(WAITING))
        hardware = replace(hardware, ports=PORTS, waiting=waiting)
    with close_on_failure() as resources, step(f"starting {target}"):
        deadline = deadline or Deadline(START_SECONDS)
        device = EmbeddedDevice(target, hardware, resources, deadline)
        device.wait_until_ready(deadline)
    return device


def open_remote(target: Target, deadline: Deadline | None = None) -> QemuDevice:
    """Boot an embedded device on the target's host and wait until adb connects to it.

    It always boots, and `auto` means emulation: a snapshot and a trial of KVM hold only for the machine on
    which they were made.
    """
    hardware = hardware_of(target, image_of(target))
    if target.option("acceleration") == "kvm":
        hardware = replace(hardware, acceleration="kvm")
    AdbClient().ensure_server()
    with close_on_failure() as resources:
        boot = machine_factory(target.option("host"), hardware, resources)
        with step(f"starting {target}"):
            as_root = build_type(target) is not None
            device = QemuDevice(target, boot(0), boot, resources, as_root=as_root)
            device.wait_until_ready(deadline or Deadline(START_SECONDS))
    return device
