"""The driver's records of the processes that have a binder device open."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import any_node, opened

if TYPE_CHECKING:
    from harness.device.device import Device

RELEASE_SECONDS = 10.0
"""The driver releases the record of a closed file from a work queue."""


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """How many records the driver lists for two processes; the second has the device open throughout."""

    before: int
    """For the first process, before it opened the device."""
    opened: int
    """After that."""
    others: int
    """For the second process, which has it open meanwhile."""
    closed: int
    """For the first after it closed the device; the driver had up to 10 s to forget it."""
    others_after: int
    """For the second at that moment."""


@measurement(
    "process-record", "The driver's records of a process before, while and after it has a device open."
)
def measure_process_record(device: Device) -> ProcessRecord:
    """Open a device in two processes, close it in one, and read the driver's list of all at each step."""
    path = any_node(device.facts)
    with device.process() as process, device.process() as other, opened(other, path):
        before = _records(device, process.pid)
        with opened(process, path):
            while_open = _records(device, process.pid)
            others = _records(device, other.pid)
        deadline = Deadline(RELEASE_SECONDS)
        while (closed := _records(device, process.pid)) and not deadline.expired:
            continue
        return ProcessRecord(before, while_open, others, closed, _records(device, other.pid))


@dataclass(frozen=True, slots=True)
class RecordsByFile:
    """The records of one process that opens devices one after the other."""

    devices: tuple[str, ...]
    """What it opened, in this order."""
    records: tuple[int, ...]
    """How many records it had after each."""
    contexts: tuple[str | None, ...]
    """To which device each record belongs, at the end."""


@measurement(
    "records-by-file", "How many records the driver keeps for a process that opens devices repeatedly."
)
def measure_records_by_file(device: Device) -> RecordsByFile:
    """Open one device twice, then another one if there is one, and count the process's records after each."""
    path = any_node(device.facts)
    others = [node for node in device.facts.binder_devices if node != path]
    paths = (path, path, *others[:1])
    with device.process() as process, contextlib.ExitStack() as stack:
        records = []
        for opening in paths:
            stack.enter_context(opened(process, opening))
            records.append(_records(device, process.pid))
        contexts = tuple(block.context for block in device.binder.process(process.pid).blocks)
    return RecordsByFile(paths, tuple(records), contexts)


def _records(device: Device, pid: int) -> int:
    return len(device.binder.state().of_process(pid))
