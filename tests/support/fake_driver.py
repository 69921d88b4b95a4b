"""A process whose memory is in Python, and whose binder driver returns what a test scripts."""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Callable
from typing import cast

from emulator.base.architecture import DEFAULT
from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.operations import (
    Check,
    Operation,
    OperationResult,
    Read,
    Store,
    Stored,
    SystemCall,
    Word,
    Write,
)
from harness.agent.process import RemoteProcess
from harness.agent.protocol import Batch
from harness.agent.scratch import Scratch
from harness.binder.abi import commands, returns
from harness.binder.abi.commands import Command
from harness.binder.abi.layout import Structure
from harness.binder.abi.returns import Noop, Return, SpawnLooper
from harness.binder.abi.structures import BinderTransactionData, BinderWriteRead, TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.open_file import OpenFile
from harness.binder.parcels.parcel import Parcel

MAPPING = 0x7000_0000
MAPPING_SIZE = 64 * 1024
DESCRIPTOR = 3

Scripted = list[Return] | Callable[[], list[Return]]


class FakeBuffer:
    def __init__(self, address: int, size: int) -> None:
        self.address = address
        self.size = size

    def close(self) -> None:
        """Keeps the memory, so that a test can inspect what was sent."""


class FakeMemory:
    """Regions by address; anything else is EFAULT."""

    def __init__(self) -> None:
        self._regions: dict[int, bytearray] = {MAPPING: bytearray(MAPPING_SIZE)}
        self._next = 0x1000_0000

    def allocate(self, size: int) -> FakeBuffer:
        address, self._next = self._next, self._next + size + 0x1000
        self._regions[address] = bytearray(size)
        return FakeBuffer(address, size)

    def scratch(self, smallest: int) -> Scratch:
        return Scratch(lambda size, _: self.allocate(size).address, smallest)

    def _region(self, address: int, size: int) -> tuple[bytearray, int]:
        for start, region in self._regions.items():
            if start <= address and address + size <= start + len(region):
                return region, address - start
        raise OSError(errno.EFAULT, f"{size} bytes at {address:#x}")

    def read(self, address: int, size: int) -> bytes:
        region, offset = self._region(address, size) if size else (bytearray(), 0)
        return bytes(region[offset : offset + size])

    def write(self, address: int, data: bytes) -> None:
        region, offset = self._region(address, len(data))
        region[offset : offset + len(data)] = data


class FakePending:
    def __init__(self, results: list[OperationResult], end: Callable[[], None] | None) -> None:
        self._results = results
        self._end = end
        self._ended = threading.Event()
        if end is None:
            self._ended.set()

    def result(self, deadline: Deadline | None = None) -> list[OperationResult]:
        if not self._ended.wait((deadline or Deadline(5)).remaining()):
            raise TimeLimitError("a batch of the fake driver")
        return self._results

    def interrupt(self) -> None:
        if not self._ended.is_set():
            assert self._end is not None
            self._end()
            self._ended.set()


class FakeThread:
    """Runs batches; a read without a scripted return blocks until interrupted."""

    def __init__(self, process: FakeProcess, tid: int) -> None:
        self.tid = tid
        self.architecture = DEFAULT
        self.process = process
        self.script: deque[Scripted] = deque()
        self.log: list[list[Command]] = []
        self.sent: list[bytes] = []
        self.ioctls: list[BinderIoctl] = []
        self.trips = 0

    def __str__(self) -> str:
        return f"thread {self.tid}"

    def submit_batch(self, batch: Batch) -> FakePending:
        return self.run(*batch.operations)

    def run(self, *operations: Operation) -> FakePending:
        self.trips += 1
        results: list[OperationResult] = []
        blocked = False
        for operation in operations:
            match operation:
                case Write(address, data):
                    self.process.memory.write(self._word(address), data)
                    results.append(OperationResult(operation, len(data)))
                case Read(address, size):
                    content = self.process.memory.read(self._word(address), self._word(size))
                    results.append(OperationResult(operation, len(content), content))
                case Store(address, value):
                    self.process.memory.write(self._word(address), self._word(value).to_bytes(8, "little"))
                    results.append(OperationResult(operation, 8))
                case Check(address, lowest, highest, size):
                    found = int.from_bytes(self.process.memory.read(self._word(address), size), "little")
                    if not self._word(lowest) <= found <= self._word(highest):
                        results.append(OperationResult(operation, -errno.ERANGE))
                        break
                    results.append(OperationResult(operation, size))
                case SystemCall(_, (_, request, argument)):
                    outcome = self._ioctl(cast(int, request), cast(int, argument))
                    blocked = outcome is None
                    results.append(OperationResult(operation, -errno.EINTR if outcome is None else outcome))
                case _:
                    raise AssertionError(operation)
        return FakePending(results, (lambda: None) if blocked else None)

    def _word(self, word: Word) -> int:
        if isinstance(word, Stored):
            return int.from_bytes(self.process.memory.read(word.address, 8), "little")
        assert isinstance(word, int)
        return word

    def batch(self, *operations: Operation) -> list[OperationResult]:
        return self.run(*operations).result()

    def syscall(self, name: str, *arguments: int | bytes) -> int:
        return self.process.syscall(name, *arguments, thread=self)

    def _ioctl(self, request: int, argument: int) -> int | None:
        """What the ioctl returns; None where it blocks."""
        memory = self.process.memory
        if request != BinderIoctl.BINDER_WRITE_READ:
            self.ioctls.append(BinderIoctl(request))
            answer = self.process.answers.get(BinderIoctl(request))
            if answer is None:
                return -errno.EINVAL
            memory.write(argument, answer.pack())
            return 0
        request_block = BinderWriteRead.unpack(memory.read(argument, BinderWriteRead.sizeof()))
        written = commands.parse(memory.read(request_block.write_buffer, request_block.write_size))
        if written:
            self.log.append(written)
            self.sent += [
                memory.read(each.buffer, each.data_size)
                for each in written
                if isinstance(each, BinderTransactionData)
            ]
        returned: list[Return] = []
        blocked = bool(request_block.read_size) and not self.script
        if request_block.read_size and self.script:
            step = self.script.popleft()
            returned = list(step() if callable(step) else step)
            if not (returned and isinstance(returned[0], SpawnLooper)):  # which takes its place
                returned.insert(0, Noop())
        read = b"".join(each.encode() for each in returned)
        assert len(read) <= request_block.read_size
        if read:
            memory.write(request_block.read_buffer, read)
        done = BinderWriteRead(
            request_block.write_size,
            request_block.write_size,
            request_block.write_buffer,
            request_block.read_size,
            len(read),
            request_block.read_buffer,
        )
        memory.write(argument, done.pack())
        return None if blocked else 0


class FakeProcess:
    def __init__(self) -> None:
        self.pid = 100
        self.page_size = 4096
        self.memory = FakeMemory()
        self.answers: dict[BinderIoctl, Structure] = {}
        self.calls: list[str] = []
        self.threads: list[FakeThread] = []
        self.next_scripts: deque[list[Scripted]] = deque()
        self.main = self.start_thread()
        self.handles: frozenset[int] | None = None

    def known_handles(self, context: str) -> frozenset[int] | None:
        assert context == "binder"
        return self.handles

    def start_thread(self) -> FakeThread:
        thread = FakeThread(self, 100 + len(self.threads))
        if self.next_scripts:
            thread.script.extend(self.next_scripts.popleft())
        self.threads.append(thread)
        return thread

    def syscall(self, name: str, *arguments: int | bytes, thread: FakeThread | None = None) -> int:
        self.calls.append(name)
        if name == "ioctl":
            (thread or self.main).ioctls.append(BinderIoctl(cast(int, arguments[1])))
        return {"openat": DESCRIPTOR, "mmap": MAPPING}.get(name, 0)

    def put(self, offset: int, data: bytes) -> int:
        """Put what the driver copies into the mapping; returns its address."""
        self.memory.write(MAPPING + offset, data)
        return MAPPING + offset

    @property
    def remote(self) -> RemoteProcess:
        return cast(RemoteProcess, self)

    def file(self) -> OpenFile:
        return OpenFile(self.remote, "/dev/binder", DESCRIPTOR, MAPPING, MAPPING_SIZE)


def received(process: FakeProcess, parcel: Parcel, offset: int = 0) -> dict[str, int]:
    """The parcel as the driver copied it into the mapping, as fields of a transaction."""
    placed = parcel.place(MAPPING + offset)
    process.put(offset, placed.memory)
    return {
        "data_size": placed.data_size,
        "offsets_size": placed.offsets_size,
        "buffer": MAPPING + offset,
        "offsets": placed.offsets,
    }


def reply(process: FakeProcess, parcel: Parcel, *, flags: int = 0) -> list[Return]:
    data = returns.Reply(flags=TransactionFlag(flags), **received(process, parcel))
    return [returns.TransactionComplete(), data]


def incoming(process: FakeProcess, parcel: Parcel, **fields: int) -> returns.Transaction:
    flags = TransactionFlag(fields.pop("flags", 0))
    return returns.Transaction(flags=flags, **fields, **received(process, parcel, 4096))


def kinds(log: list[list[commands.Command]]) -> list[list[type[commands.Command]]]:
    return [[type(word) for word in written] for written in log]


def script_next_thread(process: FakeProcess, *script: list[Return]) -> None:
    """What the driver returns to the next thread that the process starts, before that blocks."""
    process.next_scripts.append(list(script))
