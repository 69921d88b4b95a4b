"""Instances of binderfs: what a fresh one holds, and how devices are made and removed in it.

They are mounted in a mount namespace of one process's own, which nobody else sees and which ends with it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError
from harness.agent.files import AgentFiles
from harness.agent.syscalls import AT_FDCWD
from harness.binder import Binder
from harness.binder.abi.structures import BINDERFS_MAX_NAME, BinderfsDevice
from harness.binder.abi.uapi import BINDER_CTL_ADD
from harness.device.facts import Need
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import SUCCESS, attempt
from harness.experiments.instruments.largest import largest_accepted
from harness.experiments.node.device_nodes import node_at
from harness.kernel.proc.devices import read_devices

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

PLACES = ("/sys", "/dev")
"""Directories that every device has: in the namespace, the instances hide them."""
CONTROL = "binder-control"
NAME = "harness-node"
MAXIMUM = 7
"""More than the devices that a kernel makes by itself."""
CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
"""include/uapi/linux/sched.h, mount.h."""


@dataclass(frozen=True, slots=True)
class FreshInstance:
    """What is in an instance of binderfs that was just mounted."""

    devices: tuple[str, ...]
    """The character devices, by name."""
    control: bool
    """Whether binder-control is among them."""


@dataclass(frozen=True, slots=True)
class AddedDevice:
    """A device that BINDER_CTL_ADD made, and what became of it."""

    listed: bool
    """Whether the instance then has it under its name."""
    reported: tuple[int, int]
    """The major and the minor number that the ioctl returned."""
    of_file: tuple[int, int] | None
    """Those of the file; None where there is none."""
    majors_of_binder: tuple[int, ...]
    """The major numbers that /proc/devices lists under `binder`."""
    same_name: str
    """The outcome of making another one of this name: an errno's name, or `success`."""
    removal: str
    """The outcome of unlink on it."""
    removal_of_control: str
    """The outcome of unlink on binder-control."""
    listed_after_removal: bool


@dataclass(frozen=True, slots=True)
class LongestName:
    """The longest name of a device that is taken, in bytes without the terminating zero."""

    length: int
    constant: int
    """BINDERFS_MAX_NAME."""


@dataclass(frozen=True, slots=True)
class LimitedInstance:
    """How many devices an instance takes that was mounted with `max=`."""

    maximum: int
    at_mount: int
    """How many it had from the beginning, without binder-control."""
    added: int
    refusal: str
    """The errno's name for the next one."""


@dataclass(frozen=True, slots=True)
class Instances:
    """Devices of one name in two instances."""

    managers: tuple[str, ...]
    """The outcome of becoming the context manager of each, one after the other."""
    second_manager: str
    """The outcome for another open file of the first one, which has one."""


@measurement("binderfs-fresh", "What is in an instance of binderfs that was just mounted.")
def measure_fresh_instance(device: Device) -> FreshInstance:
    """Mount one, and list the devices in it."""
    with _mounted(device) as (_, (instance,)):
        found = instance.devices()
        return FreshInstance(tuple(name for name in found if name != CONTROL), CONTROL in found)


@measurement("binderfs-device", "What BINDER_CTL_ADD returns, and how a device of binderfs is removed.")
def measure_added_device(device: Device) -> AddedDevice:
    """Make a device, compare its numbers with its file's, and unlink it and binder-control."""
    with _mounted(device) as (_, (instance,)):
        made = instance.add(NAME)
        listed = NAME in instance.devices()
        return AddedDevice(
            listed=listed,
            reported=(made.major, made.minor),
            of_file=instance.numbers(NAME) if listed else None,
            majors_of_binder=tuple(sorted(read_devices(device.files).binder_majors)),
            same_name=attempt(lambda: instance.add(NAME)),
            removal=attempt(lambda: instance.unlink(NAME)),
            removal_of_control=attempt(lambda: instance.unlink(CONTROL)),
            listed_after_removal=NAME in instance.devices(),
        )


@measurement("binderfs-names", "The longest name, in bytes, that a device of binderfs can have.")
def measure_longest_name(device: Device) -> LongestName:
    """Halve between one byte and as many as the argument of BINDER_CTL_ADD holds."""
    with _mounted(device) as (_, (instance,)):

        def accepted(length: int) -> bool:
            name = "n" * length
            if attempt(lambda: instance.add(name)) != SUCCESS:
                return False
            instance.unlink(name)
            return True

        return LongestName(largest_accepted(accepted, low=1, high=BINDERFS_MAX_NAME), BINDERFS_MAX_NAME)


@measurement("binderfs-max", "How many devices an instance of binderfs takes that has a limit.")
def measure_limited_instance(device: Device) -> LimitedInstance:
    """Mount one with a limit, and make devices until that is refused."""
    with _mounted(device, options=f"max={MAXIMUM}".encode()) as (_, (instance,)):
        at_mount = len(instance.devices()) - 1
        for added in range(MAXIMUM + 1):
            refusal = attempt(lambda name=f"{NAME}-{added}": instance.add(name))  # type: ignore[misc]
            if refusal != SUCCESS:
                break
        return LimitedInstance(MAXIMUM, at_mount, added, refusal)


@measurement("binderfs-instances", "Whether devices of one name in two instances of binderfs are two.")
def measure_instances(device: Device) -> Instances:
    """Mount two, make a device of the same name in each, and become the context manager of both."""
    with _mounted(device, count=2) as (process, instances):
        for instance in instances:
            instance.add(NAME)
        first, second, again = (
            Binder.open(process, f"{instance.path}/{NAME}") for instance in (*instances, instances[0])
        )
        with first, second, again:
            managers = tuple(attempt(each.become_context_manager) for each in (first, second))
            return Instances(managers, attempt(again.become_context_manager))


class _Instance:
    """A mounted instance, as the process sees it that mounted it."""

    def __init__(self, process: DeviceProcess, path: str) -> None:
        self.path = path
        self._process = process
        self._files = AgentFiles(lambda: process)

    def devices(self) -> list[str]:
        """The names of the character devices in it."""
        names = self._files.list_directory(self.path)
        return [name for name in names if node_at(self._process, f"{self.path}/{name}").character]

    def numbers(self, name: str) -> tuple[int, int]:
        """The device numbers of a file."""
        node = node_at(self._process, f"{self.path}/{name}")
        return node.major, node.minor

    def add(self, name: str) -> BinderfsDevice:
        """BINDER_CTL_ADD; raises its OSError."""
        control = os.fsencode(f"{self.path}/{CONTROL}")
        descriptor = self._process.syscall("openat", AT_FDCWD, control, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with self._process.memory.allocate(BinderfsDevice.sizeof()) as argument:
                argument.write(0, BinderfsDevice(name.encode()).pack())
                self._process.syscall("ioctl", descriptor, BINDER_CTL_ADD, argument.address)
                return BinderfsDevice.unpack(argument.read())
        finally:
            self._process.syscall("close", descriptor)

    def unlink(self, name: str) -> None:
        """Remove a file; raises OSError."""
        self._process.syscall("unlinkat", AT_FDCWD, os.fsencode(f"{self.path}/{name}"), 0)


@contextmanager
def _mounted(
    device: Device, *, count: int = 1, options: bytes = b""
) -> Iterator[tuple[DeviceProcess, tuple[_Instance, ...]]]:
    """A process with instances of its own; FacilityMissingError without root, and without binderfs."""
    Need.ROOT.require(device.facts)
    with device.process() as process:
        process.syscall("unshare", CLONE_NEWNS)
        process.syscall("mount", b"none", b"/", 0, MS_REC | MS_PRIVATE, 0)
        for place in PLACES[:count]:
            try:
                process.syscall("mount", b"binder", place.encode(), b"binder", 0, options)
            except OSError as error:
                if error.errno != errno.ENODEV:
                    raise
                raise FacilityMissingError(
                    "needs binderfs: this kernel has none. It can be tested on "
                    "embedded?kernel=debian-source, or as root on any kernel with CONFIG_ANDROID_BINDERFS."
                ) from error
        yield process, tuple(_Instance(process, place) for place in PLACES[:count])
