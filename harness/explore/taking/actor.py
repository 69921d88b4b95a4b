"""One process of a program on a device: an agent, its threads, and the file that it has open."""

from __future__ import annotations

import mmap
import os
import resource
from collections.abc import Sequence

from harness.agent.operations import Earlier, Operation, OperationResult, Read, SystemCall
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.agent.thread import RemoteThread
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.driver.open_file import MAP_NORESERVE, OPEN_FLAGS
from harness.explore.taking.packing import PAYLOAD_SIZE
from harness.model.steps import WORD

STATE_SIZE = 256 * 1024
"""Bytes of the driver's state that are read at most."""
WRITE_SIZE = 2048
"""Bytes for the commands of one exchange."""
READ_ROOM = 4096
"""Bytes for returns."""
MOST_PAYLOADS = 4
"""Transactions and replies in one exchange."""
_LIMIT_SIZE = 16
"""Of struct rlimit: the soft and the hard one."""


class Actor:
    """One process of a program: an agent, its threads, and the file that it has open now."""

    def __init__(self, process: RemoteProcess, path: str, state_path: str, statistics_path: str) -> None:
        self.process = process
        self.threads: dict[int, tuple[RemoteThread, int]] = {}
        """By number: the thread, and the address of its memory."""
        self.descriptor = -1
        self.spare_descriptor = process.syscall("openat", AT_FDCWD, b"/", os.O_RDONLY | os.O_CLOEXEC, 0)
        """What it sends."""
        self.mapping = self.mapped = 0
        self.waits = False
        """Whether its file is open without O_NONBLOCK now."""
        self.busy: set[int] = set()
        """The numbers of threads that wait in the driver."""
        self._helper: RemoteThread | None = None
        self._path = self._placed(path)
        self._state_path = self._placed(state_path)
        self._statistics_path = self._placed(statistics_path)
        self._state_memory = process.memory.allocate(STATE_SIZE).address
        self._limit = process.memory.allocate(2 * _LIMIT_SIZE).address
        process.syscall("prlimit64", 0, resource.RLIMIT_NOFILE, 0, self._limit)
        process.memory.write(
            self._limit + _LIMIT_SIZE, bytes(WORD) + process.memory.read(self._limit + WORD, WORD)
        )

    def _placed(self, path: str) -> int:
        content = os.fsencode(path) + b"\0"
        address = self.process.memory.allocate(len(content)).address
        self.process.memory.write(address, content)
        return address

    def thread(self, number: int) -> tuple[RemoteThread, int]:
        """A thread and its memory, started at its first use."""
        while number not in self.threads:
            remote = self.process.main if not self.threads else self.process.start_thread()
            size = BinderWriteRead.sizeof() + WRITE_SIZE + READ_ROOM + MOST_PAYLOADS * PAYLOAD_SIZE
            memory = self.process.memory.allocate(size)
            self.threads[len(self.threads) + 1] = (remote, memory.address)
        return self.threads[number]

    @property
    def idle(self) -> RemoteThread:
        """A thread that does not wait in the driver, and need not be the program's."""
        if 1 not in self.busy:
            return self.thread(1)[0]
        if self._helper is None:
            self._helper = self.process.start_thread()
        return self._helper

    def opening(self, mapped: int) -> list[Operation]:
        """The operations that open the device without waiting for anything, and map it."""
        flags = OPEN_FLAGS | os.O_NONBLOCK
        operations: list[Operation] = [SystemCall("openat", AT_FDCWD, self._path, flags, 0)]
        if mapped:
            protection, kind = mmap.PROT_READ, mmap.MAP_PRIVATE | MAP_NORESERVE
            operations.append(SystemCall("mmap", 0, mapped, protection, kind, Earlier(0), 0))
        return operations

    def opened(self, mapped: int, results: Sequence[OperationResult]) -> None:
        """Keep what these returned; OSError where one failed."""
        self.descriptor = results[0].checked().value
        self.mapped = mapped
        self.waits = False
        if mapped:
            self.mapping = results[1].checked().value

    def closing(self) -> list[Operation]:
        """The operations that unmap and close the device and what was received, which are not open then."""
        operations: list[Operation] = [SystemCall("close_range", self.spare_descriptor + 1, 0xFFFF_FFFF, 0)]
        if self.mapped:
            operations.insert(0, SystemCall("munmap", self.mapping, self.mapped))
        self.descriptor = -1
        return operations

    def filled(self, call: SystemCall) -> list[Operation]:
        """A call during which the process may have no further descriptor; it is the second operation."""
        unlimited, limited = self._limit, self._limit + _LIMIT_SIZE
        return [
            SystemCall("prlimit64", 0, resource.RLIMIT_NOFILE, limited, 0),
            call,
            SystemCall("prlimit64", 0, resource.RLIMIT_NOFILE, unlimited, 0),
        ]

    def looking(self, before: int) -> list[Operation]:
        """The operations that read the driver's state, after so many others of the batch."""
        return self._reading(self._state_path, before)

    def counting(self) -> list[Operation]:
        """The operations that read the driver's file of counters."""
        return self._reading(self._statistics_path, 0)

    def _reading(self, path: int, before: int) -> list[Operation]:
        return [
            SystemCall("openat", AT_FDCWD, path, os.O_RDONLY | os.O_CLOEXEC, 0),
            SystemCall("read", Earlier(before), self._state_memory, STATE_SIZE),
            SystemCall("close", Earlier(before)),
            Read(self._state_memory, Earlier(before + 1), STATE_SIZE),
        ]
