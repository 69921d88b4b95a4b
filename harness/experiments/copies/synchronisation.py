"""Two processes that add to one number: in memory that they share, and by calls to the one that keeps it."""

from __future__ import annotations

import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.agent.syscalls import SyscallNumber
from harness.binder import Call, Parcel, open_pair
from harness.binder.driver.ioctls import CALL_SECONDS
from harness.experiments.copies.shared_memory import share_memfd
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.agent.thread import RemoteThread
    from harness.device.device import Device

NUMBER = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class InterleavedAdditions:
    """Two additions of one, the second begun before the first was over."""

    read: tuple[int, int]
    """What each found before it added."""
    result: int
    """The number after both."""


def measure_shared_additions(device: Device) -> InterleavedAdditions:
    """Let both read it, and then let both write what they read and one more."""
    with device.process() as first, device.process() as second:
        ends = list(zip((first, second), share_memfd(first, second, first.page_size), strict=True))
        read = [_load(process.memory.read(address, NUMBER.size)) for process, address in ends]
        for (process, address), value in zip(ends, read, strict=True):
            process.memory.write(address, NUMBER.pack(value + 1))
        process, address = ends[0]
        return InterleavedAdditions((read[0], read[1]), _load(process.memory.read(address, NUMBER.size)))


@dataclass(frozen=True, slots=True)
class CalledAdditions:
    """The same by Binder calls to a server with one thread, the second made before the first was answered."""

    waiting: int
    """How many of the callers were blocked in their ioctl while the server was at the first call."""
    replies: tuple[int, ...]
    """What the calls returned, by size: the number after each addition."""
    result: int


def measure_called_additions(device: Device) -> CalledAdditions:
    """Let two threads call at once, and the server answer neither before both wait for it, or are done."""
    deadline = Deadline(CALL_SECONDS)
    both_called = threading.Event()

    def add(_: Call) -> Parcel:
        found = _load(number.read(0, NUMBER.size))
        if not both_called.wait(deadline.remaining()):
            deadline.check("the second caller")
        number.write(0, NUMBER.pack(found + 1))
        return Parcel().int64(found + 1)

    with open_pair(device, free_node(device.facts), add) as pair, ThreadPoolExecutor() as pool:
        number = pair.server_process.memory.allocate(pair.server_process.page_size)
        callers = (pair.client.main, pair.client.on_new_thread())
        calls = [pool.submit(caller.transact, 0, 1, deadline=deadline) for caller in callers]

        def waiting() -> int:
            return sum(_is_in_ioctl(device, caller.remote) for caller in callers)

        try:
            deadline.poll(
                lambda: waiting() + sum(call.done() for call in calls) == len(calls), "both calls to be made"
            )
            still_waiting = waiting()
        finally:
            both_called.set()
        replies = sorted(call.result().int64() for call in calls)
        return CalledAdditions(still_waiting, tuple(replies), _load(number.read(0, NUMBER.size)))


@dataclass(frozen=True, slots=True)
class Additions:
    """Additions in shared memory, and by calls."""

    shared: InterleavedAdditions
    called: CalledAdditions


@measurement("additions", "What two processes that add to one number at the same time make of it.")
def measure_additions(device: Device) -> Additions:
    """Both measurements, one after the other."""
    return Additions(measure_shared_additions(device), measure_called_additions(device))


def _is_in_ioctl(device: Device, thread: RemoteThread) -> bool:
    """Whether the thread sleeps in that system call: of one that runs, /proc shows no number."""
    shown = device.files.read_text(f"/proc/{thread.tid}/syscall")
    return shown.split()[0] == str(SyscallNumber.ioctl.number(thread.architecture))


def _load(data: bytes) -> int:
    (value,) = NUMBER.unpack(data)
    return int(value)
