"""What the kernel has to do with memory that two processes share, once it is shared."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import reason_of
from harness.agent.operations import Digest, Fill
from harness.agent.pattern import digest, fill_pattern
from harness.agent.syscalls import AT_FDCWD
from harness.experiments.copies.copy_functions import Copied, NoInstrumentError, count_copies, marked
from harness.experiments.copies.watchpoints import Watchpoints, watchpoints_count
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.frames import frames_behind

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

SIZE = 10_000
IPC_PRIVATE = 0
IPC_RMID = 0
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Sharing:
    """One kind of shared memory, written by each of two processes and read by the other."""

    kind: str
    size: int
    """Bytes."""
    second_saw_first: bool
    """Whether the second process read what the first had just written."""
    first_saw_second: bool
    touched: tuple[int, ...] | None
    """How often the kernel touched the first, middle and last byte meanwhile, at either's addresses.

    None on a machine without watchpoints.
    """
    first_frames: tuple[int, ...] | None
    """The frames behind the memory in the first process; None on a device that hides them."""
    second_frames: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """All kinds that the device has."""

    sharings: tuple[Sharing, ...]
    missing: dict[str, str]
    """Kinds that cannot be had on this device, and why."""
    copied: int | None
    """Bytes that the kernel copied for either process during all writes and reads.

    Those of the copying functions and of the usercopy check; None where it cannot be probed.
    """


def share_memfd(first: DeviceProcess, second: DeviceProcess, size: int) -> tuple[int, int]:
    """Map one memfd_create(2) in both; gives the two addresses."""
    descriptor = first.syscall("memfd_create", b"shared", os.MFD_CLOEXEC)
    first.syscall("ftruncate", descriptor, size)
    path = f"/proc/{first.pid}/fd/{descriptor}".encode()
    other = second.syscall("openat", AT_FDCWD, path, os.O_RDWR | os.O_CLOEXEC, 0)
    return _map_shared(first, descriptor, size), _map_shared(second, other, size)


def share_system_v(first: DeviceProcess, second: DeviceProcess, size: int) -> tuple[int, int]:
    """Attach one segment of shmget(2) in both; it goes with the last of them."""
    segment = first.syscall("shmget", IPC_PRIVATE, size, OWNER_ONLY)
    try:
        return first.syscall("shmat", segment, 0, 0), second.syscall("shmat", segment, 0, 0)
    finally:
        first.syscall("shmctl", segment, IPC_RMID, 0)


Share = Callable[["DeviceProcess", "DeviceProcess", int], tuple[int, int]]
KINDS: dict[str, Share] = {"memfd": share_memfd, "System V": share_system_v}


@measurement("shared-memory", "What the kernel copies when two processes use memory that they share.")
def measure_shared_memory(device: Device, size: int = SIZE) -> SharedMemory:
    """Share memory of each kind; let each process write all of it, and the other read it.

    Raises NoInstrumentError on a device that shows neither copies nor frames.
    """
    addresses: dict[str, tuple[int, int]] = {}
    missing: dict[str, str] = {}
    with device.process() as first, device.process() as second:
        for kind, share in KINDS.items():
            try:
                addresses[kind] = share(first, second, size)
            except OSError as error:
                missing[kind] = reason_of(error)
        watchable = watchpoints_count(first)
        with count_copies(device, first, second) as counts:
            seen = {
                kind: _use(((first, places[0]), (second, places[1])), size, watched=watchable)
                for kind, places in addresses.items()
            }
        sharings = [
            Sharing(
                kind,
                size,
                *seen[kind],
                first_frames=_frames(device, first, places[0], size),
                second_frames=_frames(device, second, places[1], size),
            )
            for kind, places in addresses.items()
        ]
        copied = None
        if counts is not None:
            copied = sum(_all_bytes(entry) for end in (first, second) for entry in counts.of(end.main))
        if copied is None and not watchable and not device.facts.pagemap:
            raise NoInstrumentError
        return SharedMemory(tuple(sharings), missing, copied)


End = tuple["DeviceProcess", int]
"""A process, and the address of the shared memory in it."""


def _use(ends: tuple[End, End], size: int, *, watched: bool) -> tuple[bool, bool, tuple[int, ...] | None]:
    """Whether the second end reads what the first writes, and the other way round; what was touched."""
    with ExitStack() as stack:
        watchpoints = []
        if watched:
            for process, address in ends:
                samples = [address, address + size // 2, address + size - 1]
                watchpoints.append(stack.enter_context(Watchpoints(process, process.main, samples)))
        saw = []
        for seed, ((writer, written), (reader, read)) in enumerate((ends, ends[::-1])):
            marked(writer.main, Fill(written, size, seed))
            (found,) = marked(reader.main, Digest(read, size))
            saw.append(found.data == digest(fill_pattern(size, seed)))
        touched = tuple(count for watching in watchpoints for count in watching.counts())
    return saw[0], saw[1], touched if watched else None


def _all_bytes(copied: Copied) -> int:
    return copied.moved + (copied.checked_in or 0) + (copied.checked_out or 0)


def _frames(device: Device, process: DeviceProcess, address: int, size: int) -> tuple[int, ...] | None:
    if not device.facts.pagemap:
        return None
    return tuple(frames_behind(device, process, address, size).values())


def _map_shared(process: DeviceProcess, descriptor: int, size: int) -> int:
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    return process.syscall("mmap", 0, size, protection, mmap.MAP_SHARED, descriptor, 0)
