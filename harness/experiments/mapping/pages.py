"""When a mapping gets its physical pages, and when it loses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.debug_files import statistics_of
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.node_files import any_node, opened
from harness.kernel.binder_debug.stats import Pages
from harness.kernel.proc.pagemap import read_pagemap

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

DROP_CACHES_PATH = "/proc/sys/vm/drop_caches"
SLAB_OBJECTS = "2"
"""Written there, it has every shrinker called (Documentation/admin-guide/sysctl/vm.rst)."""
SHRINK_SECONDS = 5.0
MAPPING_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PageCounts:
    """The pages of a mapping at one moment."""

    present: int
    """In the process's page table, by /proc/PID/pagemap."""
    resident: int
    """The same by /proc/PID/smaps (Rss)."""
    counted: Pages | None
    """By the driver's count; None where the driver does not show it."""


@dataclass(frozen=True, slots=True)
class FreshMapping:
    """A mapping in which nothing was received yet."""

    size: int
    """Bytes."""
    page_size: int
    pages: PageCounts


@measurement("fresh-mapping", "The physical pages of a binder mapping right after mmap.")
def measure_fresh_mapping(device: Device) -> FreshMapping:
    """Open, map, count."""
    with device.process() as process, opened(process, any_node(device.facts)) as node:
        address = node.map(MAPPING_SIZE)
        pages = _count(device, process, address, MAPPING_SIZE)
        return FreshMapping(MAPPING_SIZE, process.page_size, pages)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a payload changed the receiver's pages, while all earlier payloads stay in place."""

    payload: int
    """Bytes."""
    needed: int
    """Pages that its buffer lies in and no earlier buffer does."""
    appeared: int
    """Pages that the mapping has now and did not have before."""
    as_needed: bool
    """Whether the mapping's pages are exactly those that the received buffers lie in."""


@dataclass(frozen=True, slots=True)
class GrowingMapping:
    """How the pages of a mapping grow with what is received."""

    page_size: int
    arrivals: tuple[Arrival, ...]
    pages: PageCounts
    """After the last of them."""


@measurement("growing-mapping", "The pages that a mapping gets with each of several payloads.")
def measure_growing_mapping(device: Device, payloads: Sequence[int] = ()) -> GrowingMapping:
    """Receive payloads of several sizes (by default around the page size), keep them, count after each."""
    with open_deliveries(device) as deliveries:
        receiver, mapping = deliveries.receiver, deliveries.pair.server
        page = receiver.page_size
        needed: set[int] = set()
        before = _present(device, receiver, mapping.mapping, mapping.size)
        arrivals = []
        for size in payloads or (1, 0, page - 1, page, page + 1, 10 * page, 25 * page - 8):
            received = deliveries.send(size)
            spanned = set(_pages_of(received.address, size, page))
            now = _present(device, receiver, mapping.mapping, mapping.size)
            arrivals.append(
                Arrival(
                    payload=size,
                    needed=len(spanned - needed),
                    appeared=len(now - before),
                    as_needed=now == needed | spanned,
                )
            )
            needed |= spanned
            before = now
        pages = _count(device, receiver, mapping.mapping, mapping.size)
        return GrowingMapping(page, tuple(arrivals), pages)


@dataclass(frozen=True, slots=True)
class FreedBuffer:
    """The pages of a mapping while it holds one payload, after it was freed, and after shrinking."""

    payload: int
    """Bytes."""
    page_size: int
    held: PageCounts
    freed: PageCounts
    shrunk: PageCounts | None
    """After the kernel's shrinkers ran; None on a device that is not disposable, where they are not run."""


@measurement("freed-buffer", "What becomes of a payload's pages when the receiver frees it.")
def measure_freed_buffer(device: Device) -> FreedBuffer:
    """Receive a payload, free it, have the kernel shrink what it can; count the pages at each step."""
    with open_deliveries(device) as deliveries:
        receiver, mapping = deliveries.receiver, deliveries.pair.server
        size = 10 * receiver.page_size

        with deliveries.send(size):
            held = _count(device, receiver, mapping.mapping, mapping.size)
        freed = _count(device, receiver, mapping.mapping, mapping.size)
        shrunk = None
        if device.controller.disposable:
            shrunk = _shrink(device, receiver, mapping.mapping, mapping.size)
        return FreedBuffer(size, receiver.page_size, held, freed, shrunk)


def _shrink(device: Device, process: DeviceProcess, address: int, size: int) -> PageCounts:
    """Have the shrinkers run until the mapping has no pages left, or 5 s have passed."""
    deadline = Deadline(SHRINK_SECONDS)
    while True:
        device.files.write_text(DROP_CACHES_PATH, SLAB_OBJECTS)
        counts = _count(device, process, address, size)
        # A shrinker skips what is locked at the moment.
        if counts.present == 0 or deadline.expired:
            return counts


def _pages_of(address: int, size: int, page: int) -> range:
    """The addresses of the pages that a buffer lies in; an empty buffer takes space too."""
    return range(address // page * page, address + max(size, 1), page)


def _present(device: Device, process: DeviceProcess, address: int, size: int) -> frozenset[int]:
    pages = read_pagemap(device.files, process.pid, address, size, page_size=process.page_size)
    return frozenset(page.address for page in pages if page.present)


def _count(device: Device, process: DeviceProcess, address: int, size: int) -> PageCounts:
    statistics = statistics_of(device, process)
    return PageCounts(
        present=len(_present(device, process, address, size)),
        resident=process.maps.at(address).rss // process.page_size,
        counted=statistics.pages if statistics else None,
    )
