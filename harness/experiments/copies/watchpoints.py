"""Lets the processor itself count how often the kernel touches single bytes, by its debug registers.

This depends on no function of the kernel, so it counts alike for every way of moving data. It needs root
for addresses of the kernel, and a processor with as many watchpoints as are set at once: four are customary.
Of two that one instruction hits at once, such as a move from one watched byte to another, an emulated
processor may report only one (QEMU, softmmu/physmem.c): watch different bytes at the two ends.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Sequence
from typing import Self

from harness.agent.errors import AgentDiedError
from harness.agent.memory import RemoteBuffer
from harness.agent.operations import Operation, Read, SystemCall, Write
from harness.agent.process import RemoteProcess
from harness.agent.thread import RemoteThread
from harness.binder.abi.layout import Address, Structure, structure, u32, u64

PERF_TYPE_BREAKPOINT = 5
PERF_FLAG_FD_CLOEXEC = 8
HW_BREAKPOINT_RW = 3
HW_BREAKPOINT_LEN_1 = 1
EXCLUDE_USER = 1 << 4
_COUNT = struct.Struct("<Q")
_ANY_CPU = _NO_GROUP = -1


@structure
class PerfEventAttr(Structure):
    """struct perf_event_attr in its second form (include/uapi/linux/perf_event.h), for a breakpoint."""

    type: u32 = PERF_TYPE_BREAKPOINT
    size: u32 = 72
    config: u64 = 0
    sample_period: u64 = 0
    sample_type: u64 = 0
    read_format: u64 = 0
    flags: u64 = EXCLUDE_USER
    wakeup_events: u32 = 0
    bp_type: u32 = HW_BREAKPOINT_RW
    bp_addr: Address = 0
    bp_len: u64 = HW_BREAKPOINT_LEN_1


class Watchpoints:
    """Counts how often one thread, while it runs in the kernel, reads or writes each of some bytes.

    A context manager: they are set with it, and removed at its end.
    """

    def __init__(self, process: RemoteProcess, thread: RemoteThread, addresses: Sequence[int]) -> None:
        """Raises OSError where the machine has too few, or none (ENOSPC, EOPNOTSUPP, EACCES, …)."""
        self._thread = thread
        self._memory = process.memory.allocate(process.page_size)
        attributes = [PerfEventAttr(bp_addr=address).pack() for address in addresses]
        opened = thread.batch(
            Write(self._memory.address, b"".join(attributes)),
            *(self._open(index) for index in range(len(addresses))),
            keep_going=True,
        )[1:]
        self._descriptors = [result.value for result in opened if not result.errno]
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            for result in opened:
                result.checked()
            on_failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def counts(self) -> tuple[int, ...]:
        """Accesses so far, byte by byte in the order given."""
        place = self._memory.address
        reads: list[Operation] = []
        for descriptor in self._descriptors:
            reads += [SystemCall("read", descriptor, place, _COUNT.size), Read(place, _COUNT.size)]
        results = [result.checked().data for result in self._thread.batch(*reads)]
        return tuple(_COUNT.unpack(data)[0] for data in results[1::2])

    def close(self) -> None:
        """Remove them; nothing where that was done."""
        with contextlib.suppress(AgentDiedError):
            self._thread.batch(*(SystemCall("close", descriptor) for descriptor in self._descriptors))
        self._descriptors = []
        self._memory.close()

    def _open(self, index: int) -> SystemCall:
        attribute = self._memory.address + index * PerfEventAttr.sizeof()
        tid = self._thread.tid
        return SystemCall("perf_event_open", attribute, tid, _ANY_CPU, _NO_GROUP, PERF_FLAG_FD_CLOEXEC)


def watchpoints_count(process: RemoteProcess) -> bool:
    """Whether there are four watchpoints, and they count right: tried on accesses that are certain.

    clock_gettime(2) writes a time of 16 bytes to the address that it is given, and nothing after them.
    """
    with process.memory.allocate(process.page_size) as buffer:
        addresses = [buffer.address + offset for offset in (0, 16, 24, 32)]
        try:
            with Watchpoints(process, process.main, addresses) as watched:
                process.main.batch(SystemCall("clock_gettime", time.CLOCK_REALTIME, buffer.address))
                return watched.counts() == (1, 0, 0, 0)
        except OSError:
            return False


def kernel_watchpoints_count(process: RemoteProcess, buffer: RemoteBuffer, kernel_address: int) -> bool:
    """Whether they count accesses at the kernel's own addresses: tried at that of the buffer's first byte.

    process_vm_writev(2) writes there, and not at the process's address (mm/process_vm_access.c).
    """
    source = buffer.address + process.page_size // 2
    vectors = struct.pack("<4Q", source, 1, buffer.address, 1)  # two struct iovec: from, and to
    with process.memory.allocate(process.page_size) as place:
        place.write(0, vectors)
        write = SystemCall("process_vm_writev", process.pid, place.address, 1, place.address + 16, 1, 0)
        try:
            with Watchpoints(process, process.main, (buffer.address, kernel_address)) as watched:
                process.main.batch(write)
                return watched.counts() == (0, 1)
        except OSError:
            return False
