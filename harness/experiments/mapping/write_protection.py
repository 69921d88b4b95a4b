"""Whether a process can write into its binder mapping, in any way."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.operations import SystemCall, Write
from harness.agent.pattern import fill_pattern
from harness.agent.syscalls import AT_FDCWD
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import outcome
from harness.experiments.instruments.deliveries import SEED, open_deliveries
from harness.experiments.instruments.node_files import any_node, opened

if TYPE_CHECKING:
    from harness.device.device import Device

MAPPING_SIZE = 128 * 1024
PAYLOAD_SIZE = 1000
WORD = 8


@dataclass(frozen=True, slots=True)
class WritableMapping:
    """The outcomes of requests for a writable mapping: names of errnos, or `success`."""

    mapped_writable: str
    """Of mmap with PROT_WRITE."""
    mapped_readable: str
    """Of the same mmap without it."""
    made_writable: str
    """Of mprotect with PROT_WRITE."""
    vm_flags: tuple[str, ...]
    """Of the readable mapping."""


@measurement("writable-mapping", "Whether a binder mapping can be writable, or become so.")
def measure_writable_mapping(device: Device) -> WritableMapping:
    """Map with and without PROT_WRITE, and try to add it afterwards."""
    writable = mmap.PROT_READ | mmap.PROT_WRITE
    with device.process() as process, opened(process, any_node(device.facts)) as node:
        asked = node.mmap_call(MAPPING_SIZE, writable), node.mmap_call(MAPPING_SIZE)
        mapped_writable, mapped = process.main.batch(*asked, keep_going=True)
        address = mapped.checked().value
        (made_writable,) = process.main.batch(SystemCall("mprotect", address, MAPPING_SIZE, writable))
        flags = process.maps.at(address).vm_flags
        return WritableMapping(
            outcome(mapped_writable), outcome(mapped), outcome(made_writable), tuple(sorted(flags))
        )


@dataclass(frozen=True, slots=True)
class UserWrites:
    """The outcomes of a receiver's attempts to overwrite a payload: names of errnos, or `success`."""

    by_store: str
    """By a store instruction."""
    by_output: str
    """By a system call that was given the address for its output."""
    by_memory_file: str
    """By root, through /proc/self/mem, which bypasses the protection of other read-only memory."""
    elsewhere: str
    """The same, into read-only memory of the process itself."""
    unchanged: bool
    """Whether the payload was still what had been sent."""


@measurement("user-writes", "Whether a receiver can write into its binder mapping.")
def measure_user_writes(device: Device) -> UserWrites:
    """Receive a payload and try to overwrite its first bytes."""
    with open_deliveries(device) as deliveries, deliveries.send(PAYLOAD_SIZE) as received:
        process = deliveries.receiver
        with process.memory.allocate(process.page_size) as own, process.memory.allocate(WORD) as source:
            process.syscall("mprotect", own.address, own.size, mmap.PROT_READ)
            memory = process.syscall("openat", AT_FDCWD, b"/proc/self/mem", os.O_RDWR | os.O_CLOEXEC, 0)
            by_store, by_output, by_file, elsewhere = process.main.batch(
                Write(received.address, b"\xff" * WORD),
                SystemCall("getrandom", received.address, WORD, 0),
                SystemCall("pwrite64", memory, source.address, WORD, received.address),
                SystemCall("pwrite64", memory, source.address, WORD, own.address),
                keep_going=True,
            )
            process.syscall("close", memory)
        content = process.memory.read(received.address, PAYLOAD_SIZE)
        return UserWrites(
            by_store=outcome(by_store),
            by_output=outcome(by_output),
            by_memory_file=outcome(by_file),
            elsewhere=outcome(elsewhere),
            unchanged=content == fill_pattern(PAYLOAD_SIZE, SEED),
        )
