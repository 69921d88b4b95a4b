"""The kernel memory that binder mappings take: address space, records, and the pages behind payloads."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.operations import SystemCall
from harness.agent.syscalls import AT_FDCWD
from harness.binder.driver.open_file import OPEN_FLAGS, binder_vm_size
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.frames import frames_behind
from harness.experiments.instruments.node_files import NodeFile, any_node, opened
from harness.kernel.files import Files
from harness.kernel.proc.frame_flags import Frame, read_frames
from harness.kernel.proc.memory import SLABINFO_PATH, SlabCache, VmallocArea, read_slabinfo, read_vmallocinfo
from harness.kernel.proc.system import read_config

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

SLUB_PATH = "/sys/kernel/slab"
"""Only SLUB shows its caches there (mm/slub.c)."""
ALLOCATORS = ("SLAB", "SLUB", "SLOB")
KALLSYMS_PATH = "/proc/kallsyms"
SYMBOLS = {"SLUB": {"___slab_alloc", "new_slab", "slub_cpu_dead"}, "SLOB": {"slob_alloc", "slob_new_pages"}}
"""Functions that only this allocator has; a build may lack some (mm/slub.c; mm/slob.c, to Linux 6.3)."""
GENERAL_CACHES = "kmalloc"
"""The prefix of the caches that kmalloc and its relatives take objects from."""
PAYLOAD_SIZE = 10_000
MANY_FILES = 64


@dataclass(frozen=True, slots=True)
class KernelArea:
    """The areas of kernel address space that a mapping took."""

    mapping: int
    """Bytes."""
    page_size: int
    appeared: tuple[VmallocArea, ...]
    """The areas of the whole system that were there after mmap and not before."""

    @property
    def of_mapping_size(self) -> tuple[VmallocArea, ...]:
        """Those of the mapping's size, with or without a guard page."""
        sizes = (self.mapping, self.mapping + self.page_size)
        return tuple(area for area in self.appeared if area.size in sizes)

    @property
    def of_driver(self) -> tuple[VmallocArea, ...]:
        """Those that the driver reserved, of whatever size."""
        return tuple(area for area in self.appeared if area.caller.startswith("binder"))


@measurement("kernel-area", "The areas of kernel address space that appear when a binder device is mapped.")
def measure_kernel_area(device: Device) -> KernelArea:
    """Read /proc/vmallocinfo, map what libbinder maps, and read it again."""
    with device.process() as process, opened(process, any_node(device.facts)) as node:
        size = binder_vm_size(process.page_size)
        before = read_vmallocinfo(device.files)
        node.map(size)
        after = read_vmallocinfo(device.files)
    # Addresses may be hidden, and areas then look alike: count them.
    appeared = Counter(after) - Counter(before)
    return KernelArea(size, process.page_size, tuple(appeared.elements()))


@dataclass(frozen=True, slots=True)
class DriverMemory:
    """Where the driver's memory comes from."""

    configured: str | None
    """The allocator that the kernel's configuration names; None where the kernel does not show it."""
    slub_caches: bool
    """Whether /sys/kernel/slab is there, which only SLUB has."""
    statistics: bool
    """Whether /proc/slabinfo is there, which neither SLOB nor the smallest SLUB has."""
    allocator: str | None
    """The allocator in use; None where nothing shows it."""
    files: int
    """How often a device was opened and mapped to see which caches that fills."""
    filled: dict[str, int]
    """The objects added to each general cache that gained at least one for every second mapping. A cache's
    name ends in the size of its objects."""
    payload: tuple[Frame, ...]
    """The frames behind a received payload."""


@measurement("driver-memory", "From which allocator the driver's records and its payloads' pages come.")
def measure_driver_memory(device: Device) -> DriverMemory:
    """Open and map a device many times and see which caches that fills; look at a payload's frames."""
    statistics = device.files.exists(SLABINFO_PATH)
    with open_deliveries(device) as deliveries, deliveries.send(PAYLOAD_SIZE) as received:
        before = read_slabinfo(device.files) if statistics else {}
        _open_and_map(deliveries.sender, any_node(device.facts), MANY_FILES)
        after = read_slabinfo(device.files) if statistics else {}
        behind = frames_behind(device, deliveries.receiver, received.address, PAYLOAD_SIZE)
        payload = read_frames(device.files, behind.values())
    configuration = read_config(device.files) or {}
    slub_caches = device.files.exists(SLUB_PATH)
    return DriverMemory(
        configured=next((name for name in ALLOCATORS if f"CONFIG_{name}" in configuration), None),
        slub_caches=slub_caches,
        statistics=statistics,
        allocator="SLUB" if slub_caches else "SLAB" if statistics else _by_symbol(device.files),
        files=MANY_FILES,
        filled=_filled(before, after, at_least=MANY_FILES // 2),
        payload=payload,
    )


def _by_symbol(files: Files) -> str | None:
    """The allocator to which one of the kernel's functions belongs; their list takes a second to read."""
    try:
        names = {line.split()[2] for line in files.read_text(KALLSYMS_PATH).splitlines()}
    except OSError:
        return None
    return next((allocator for allocator, symbols in SYMBOLS.items() if symbols & names), None)


def _open_and_map(process: DeviceProcess, path: str, times: int) -> None:
    """The files stay open until the process ends."""
    with process.memory.allocate(process.page_size) as name:
        name.write(0, os.fsencode(path))
        results = process.main.batch(*[SystemCall("openat", AT_FDCWD, name.address, OPEN_FLAGS, 0)] * times)
    nodes = [NodeFile(process, path, result.checked().value) for result in results]
    size = binder_vm_size(process.page_size)
    for result in process.main.batch(*(node.mmap_call(size) for node in nodes)):
        result.checked()


def _filled(before: dict[str, SlabCache], after: dict[str, SlabCache], *, at_least: int) -> dict[str, int]:
    grown = {
        name: cache.active_objects - before[name].active_objects
        for name, cache in after.items()
        if name.startswith(GENERAL_CACHES) and name in before
    }
    return {name: objects for name, objects in grown.items() if objects >= at_least}
