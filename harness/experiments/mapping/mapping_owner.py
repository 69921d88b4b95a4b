"""Who may have a mapping: one for each open file, its opener only, and no child."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.operations import Read
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import outcome
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.node_files import any_node, opened
from harness.kernel.proc.maps import AddressNotMappedError
from harness.kernel.proc.process import ProcessFiles

if TYPE_CHECKING:
    from harness.device.device import Device

MAPPING_SIZE = 128 * 1024
PAYLOAD_SIZE = 1000
WORD = 8


@dataclass(frozen=True, slots=True)
class SecondMapping:
    """The outcomes of mapping one open file more than once: names of errnos, or `success`."""

    first: str
    second: str
    after_unmapping: str
    """Of mapping it once more after the first mapping was removed."""
    other_file: str
    """Of mapping another open file of the same process."""


@measurement("second-mapping", "The outcome of a second mmap of one open binder device.")
def measure_second_mapping(device: Device) -> SecondMapping:
    """Map one open file twice, and another one beside it; unmap the first, and map it again."""
    path = any_node(device.facts)
    with device.process() as process, opened(process, path) as node, opened(process, path) as other:
        map_node, map_other = node.mmap_call(MAPPING_SIZE), other.mmap_call(MAPPING_SIZE)
        first, second, beside = process.main.batch(map_node, map_node, map_other, keep_going=True)
        process.memory.unmap(first.checked().value, MAPPING_SIZE)
        (again,) = process.main.batch(map_node)
        return SecondMapping(outcome(first), outcome(second), outcome(again), outcome(beside))


@dataclass(frozen=True, slots=True)
class InheritedFile:
    """The outcomes of mapping an open file: names of errnos, or `success`."""

    by_child: str
    """Of a child that inherited it."""
    by_opener: str
    """Of the opener, after that."""


@measurement("inherited-file", "Whether a child may map the binder device that its parent opened.")
def measure_inherited_file(device: Device) -> InheritedFile:
    """Open a device, fork, map it in the child, then in the opener."""
    with device.process() as process, opened(process, any_node(device.facts)) as node:
        map_node = node.mmap_call(MAPPING_SIZE)
        with process.fork(map_node) as child:
            (by_child,) = child.results
        (by_opener,) = process.main.batch(map_node)
        return InheritedFile(outcome(by_child), outcome(by_opener))


@dataclass(frozen=True, slots=True)
class ForkedMapping:
    """What a forked child has of its parent's binder mapping, and of its other memory."""

    vm_flags: tuple[str, ...]
    """Of the mapping in the parent."""
    parent_reads: str
    """Of reading a received payload in the mapping: the errno's name, or `success`."""
    child_reads: str
    """Of the same in the child."""
    child_reads_other: str
    """Of reading the parent's ordinary memory in the child."""
    child_mapping: str | None
    """What /proc/PID/maps of the child shows at the payload's address; None where nothing is mapped."""
    child_descriptor: str | None
    """Where the child's copy of the parent's descriptor leads."""


@measurement("forked-mapping", "What a forked child has of its parent's binder mapping.")
def measure_forked_mapping(device: Device) -> ForkedMapping:
    """Receive a payload, fork, and read it in both; the child lives until its files were read."""
    with open_deliveries(device) as deliveries, deliveries.send(PAYLOAD_SIZE) as received:
        receiver = deliveries.receiver
        read = Read(received.address, PAYLOAD_SIZE)
        with receiver.memory.allocate(receiver.page_size) as other:
            (in_parent,) = receiver.main.batch(read)
            with receiver.fork(read, Read(other.address, WORD), keep_going=True) as child:
                in_child, of_other = child.results
                shown = ProcessFiles(device.files, child.pid)
                try:
                    mapping: str | None = shown.maps.at(received.address).path
                except AddressNotMappedError:
                    mapping = None
                descriptor = shown.descriptors.get(deliveries.pair.server.descriptor)
        return ForkedMapping(
            vm_flags=tuple(sorted(receiver.maps.at(received.address).vm_flags)),
            parent_reads=outcome(in_parent),
            child_reads=outcome(in_child),
            child_reads_other=outcome(of_other),
            child_mapping=mapping,
            child_descriptor=descriptor,
        )
