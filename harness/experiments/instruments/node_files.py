"""Binder devices opened and mapped call by call, and what a running process has mapped of one."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError
from harness.agent.errors import AgentDiedError
from harness.agent.operations import SystemCall
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.binder.driver.open_file import MAP_NORESERVE, OPEN_FLAGS
from harness.binder.services.service import BINDER
from harness.device.facts import Facts, Need
from harness.kernel.proc.maps import DetailedMapping
from harness.kernel.proc.process import ProcessFiles

if TYPE_CHECKING:
    from harness.device.device import Device


def any_node(facts: Facts) -> str:
    """A binder device to open and map: the free one if there is one; FacilityMissingError without any."""
    path = facts.free_binder_device or next(reversed(facts.binder_devices), None)
    if path is None:
        raise FacilityMissingError("needs a binder device: this device has none")
    return path


def free_node(facts: Facts) -> str:
    """The device whose context manager an experiment may be; FacilityMissingError without one."""
    Need.FREE_BINDER.require(facts)
    return facts.free_binder_device or any_node(facts)


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A binder device that a process has open."""

    process: RemoteProcess
    path: str
    descriptor: int

    def map(self, size: int) -> int:
        """Map `size` bytes as libbinder does, and return the address; raises OSError."""
        result = self.process.main.batch(self.mmap_call(size))[0]
        return result.checked().value

    def mmap_call(self, size: int, protection: int = mmap.PROT_READ) -> SystemCall:
        """The call that maps the device, privately and without reserving swap, for a batch."""
        return SystemCall("mmap", 0, size, protection, mmap.MAP_PRIVATE | MAP_NORESERVE, self.descriptor, 0)


@contextlib.contextmanager
def opened(process: RemoteProcess, path: str) -> Iterator[NodeFile]:
    """Open a device in a process and close it again, mapped or not; raises OSError."""
    descriptor = process.syscall("openat", AT_FDCWD, os.fsencode(path), OPEN_FLAGS, 0)
    try:
        yield NodeFile(process, path, descriptor)
    finally:
        with contextlib.suppress(AgentDiedError):
            process.syscall("close", descriptor)


def mappings_of(device: Device, pid: int, node: str = BINDER) -> tuple[DetailedMapping, ...]:
    """What a process has mapped of a binder device. Where binderfs is, the path is the one there."""
    maps = ProcessFiles(device.files, pid).maps
    return tuple(mapping for mapping in maps if os.path.basename(mapping.path) == os.path.basename(node))
