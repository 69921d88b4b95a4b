"""What kind of files the binder devices are: their numbers, and the operations they offer."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.agent.operations import SystemCall
from harness.agent.syscalls import AT_FDCWD
from harness.binder.abi.uapi import BinderIoctl
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import attempt, outcome
from harness.experiments.instruments.node_files import NodeFile, any_node, opened
from harness.kernel.proc.devices import read_devices, read_misc

if TYPE_CHECKING:
    from harness.agent.process import RemoteProcess
    from harness.device.device import Device

ASHMEM = "ashmem"
STATX_BASIC_STATS = 0x7FF
EPOLL_CTL_ADD = 1
MAPPING_SIZE = 128 * 1024
_STATX_SIZE = 256
_MODE = struct.Struct("<28xH")
_NUMBER = struct.Struct("<128xII")
"""stx_mode, and stx_rdev_major and stx_rdev_minor, of struct statx (include/uapi/linux/stat.h)."""


@dataclass(frozen=True, slots=True)
class DeviceNode:
    """A device file; for a link, the file that it leads to."""

    path: str
    character: bool
    major: int
    minor: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class NodeNumbers:
    """The binder devices' numbers, and those that the kernel has given out."""

    nodes: tuple[DeviceNode, ...]
    misc_majors: tuple[int, ...]
    """The major numbers of the driver `misc` in /proc/devices."""
    binder_majors: tuple[int, ...]
    """Those of a driver `binder`, which binderfs registers."""
    misc_minors: dict[str, int]
    """The minor numbers in /proc/misc of devices named as one of the nodes."""


@measurement("node-numbers", "The device numbers of the binder devices, and where they come from.")
def measure_node_numbers(device: Device) -> NodeNumbers:
    """Look the device files up, and the kernel's lists of numbers; FacilityMissingError without a device."""
    any_node(device.facts)
    with device.process() as process:
        nodes = tuple(node_at(process, path) for path in device.facts.binder_devices)
    devices, misc = read_devices(device.files), read_misc(device.files)
    return NodeNumbers(
        nodes=nodes,
        misc_majors=tuple(sorted(devices.character_majors("misc"))),
        binder_majors=tuple(sorted(devices.binder_majors)),
        misc_minors={node.name: misc[node.name] for node in nodes if node.name in misc},
    )


def node_at(process: RemoteProcess, path: str) -> DeviceNode:
    """The file at a path, as the process sees it; raises OSError."""
    with process.memory.allocate(_STATX_SIZE) as status:
        process.syscall("statx", AT_FDCWD, os.fsencode(path), 0, STATX_BASIC_STATS, status.address)
        content = status.read()
    (mode,) = _MODE.unpack_from(content)
    return DeviceNode(path, stat.S_ISCHR(mode), *_NUMBER.unpack_from(content))


@dataclass(frozen=True, slots=True)
class Ashmem:
    """Whether a device has ashmem, and what stands in for it."""

    misc_minor: int | None
    """Its minor number in /proc/misc; None where it is not registered."""
    nodes: tuple[str, ...]
    """Its files in /dev: from Android 10 on there is one with the boot id in its name as well."""
    memfd: str
    """What came of memfd_create: the errno's name, or `success`."""


@measurement("ashmem", "Whether ashmem is there, and memfd, which took its place.")
def measure_ashmem(device: Device) -> Ashmem:
    """Look for ashmem in /proc/misc and /dev, and make a memfd."""
    with device.process() as process:
        memfd = attempt(lambda: process.syscall("memfd_create", b"in the place of ashmem", 0))
    files = (name for name in device.files.list_directory("/dev") if name.startswith(ASHMEM))
    return Ashmem(
        misc_minor=read_misc(device.files).get(ASHMEM),
        nodes=tuple(f"/dev/{name}" for name in files),
        memfd=memfd,
    )


@dataclass(frozen=True, slots=True)
class Operations:
    """What came of each operation on a file: the errno's name, or `success`."""

    read: str
    write: str
    ioctl: str
    """BINDER_VERSION."""
    mmap: str
    poll: str
    """Of having it watched with epoll, which refuses files that cannot be polled (EPERM)."""


@dataclass(frozen=True, slots=True)
class OfferedOperations:
    """The same operations on two devices."""

    binder: Operations
    zero: Operations
    """Of /dev/zero, which offers reading and writing, and no ioctl and no poll."""


@measurement("operations", "Which operations a binder device offers, beside those of /dev/zero.")
def measure_operations(device: Device) -> OfferedOperations:
    """Try each operation on both."""
    with device.process() as process:
        with opened(process, any_node(device.facts)) as node:
            of_binder = _operations(node)
        with opened(process, "/dev/zero") as zero:
            return OfferedOperations(of_binder, _operations(zero))


def _operations(file: NodeFile) -> Operations:
    process, descriptor = file.process, file.descriptor
    watcher = process.syscall("epoll_create1", 0)
    with process.memory.allocate(process.page_size) as memory:
        results = process.main.batch(
            SystemCall("read", descriptor, memory.address, 8),
            SystemCall("write", descriptor, memory.address, 8),
            SystemCall("ioctl", descriptor, BinderIoctl.BINDER_VERSION, memory.address),
            file.mmap_call(MAPPING_SIZE),
            SystemCall("epoll_ctl", watcher, EPOLL_CTL_ADD, descriptor, memory.address),
            keep_going=True,
        )
    return Operations(*map(outcome, results))
