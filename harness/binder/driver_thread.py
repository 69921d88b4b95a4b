"""One remote thread's ioctls on a binder file, each composed here and carried out in one round trip."""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass
from typing import TypeVar

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.memory import RemoteBuffer
from harness.agent.operations import Operation, OperationResult, Read, SystemCall, Write
from harness.agent.process import RemoteProcess
from harness.agent.thread import PendingBatch, RemoteThread
from harness.binder.abi import returns
from harness.binder.abi.layout import Structure
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.binder_file import BinderFile
from harness.binder.errors import DriverRefusedError

CALL_SECONDS = 10.0
"""The deadline of every call that is given none."""

READ_SIZE = 256
"""Bytes of read buffer where the caller does not care: what libbinder offers (IPCThreadState.cpp)."""

_SMALLEST_SCRATCH = 4096

Answer = TypeVar("Answer", bound=Structure)


class InterruptedThreadError(HarnessError):
    """Somebody called interrupt() on the thread that was to wait for the driver."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one BINDER_WRITE_READ did: bytes of commands carried out, and the bytes of the answer."""

    write_consumed: int
    read: bytes

    @property
    def read_consumed(self) -> int:
        """Bytes the driver put into the read buffer."""
        return len(self.read)

    @property
    def returns(self) -> list[returns.Return]:
        """The answer in words."""
        return returns.parse(self.read)


class _Scratch:
    """Memory of a process that grows when more is wanted; what it held is then gone."""

    def __init__(self, process: RemoteProcess) -> None:
        self._process = process
        self._buffer: RemoteBuffer | None = None

    def address(self, size: int) -> int:
        if self._buffer is None or self._buffer.size < size:
            if self._buffer is not None:
                self._buffer.close()
            self._buffer = self._process.memory.allocate(max(size, _SMALLEST_SCRATCH))
        return self._buffer.address


class DriverThread:
    """A thread of the process that opened a binder file, and memory there for what its ioctls take.

    The driver keeps state for each thread (looper, transaction stack, last error), so commands that
    belong together go through one of these, from one Python thread at a time.
    """

    def __init__(self, file: BinderFile, remote: RemoteThread) -> None:
        self.file = file
        self.remote = remote
        self._commands = _Scratch(file.process)
        self._payload = _Scratch(file.process)
        self._talking = threading.Lock()
        self._lock = threading.Lock()  # over what follows
        self._pending: PendingBatch | None = None
        self._interrupted = False

    def __str__(self) -> str:
        return f"{self.remote} on {self.file}"

    def payload_address(self, size: int) -> int:
        """Where the next `write_read` puts a payload of at most `size` bytes; commands refer to it."""
        return self._payload.address(size)

    def write_read(
        self,
        write: bytes = b"",
        read_size: int = 0,
        *,
        payload: bytes = b"",
        deadline: Deadline | None = None,
    ) -> Exchange:
        """One BINDER_WRITE_READ: commands in, and up to `read_size` bytes of answer.

        `payload` is first put at `payload_address`. Raises DriverRefusedError with the errno and the
        bytes of commands carried out before it; TimeLimitError where nothing came by the deadline (10 s
        unless given): the ioctl is then no longer under way, but its commands were carried out.
        """
        with self._talking:
            return self._write_read(write, read_size, payload, deadline or Deadline(CALL_SECONDS))

    def _write_read(self, write: bytes, read_size: int, payload: bytes, deadline: Deadline) -> Exchange:
        header = BinderWriteRead.sizeof()
        base = self._commands.address(header + len(write) + read_size)
        argument = BinderWriteRead(
            write_size=len(write),
            write_buffer=base + header,
            read_size=read_size,
            read_buffer=base + header + len(write),
        )
        placed = [Write(self.payload_address(len(payload)), payload)] if payload else []
        *_, ioctl, answer, read = self._run(
            deadline,
            *placed,
            Write(base, argument.pack() + write),
            SystemCall("ioctl", self.file.descriptor, BinderIoctl.BINDER_WRITE_READ, base),
            Read(base, header),
            Read(argument.read_buffer, read_size),
        )
        done = BinderWriteRead.unpack(answer.checked().data)
        if ioctl.errno == errno.EINTR:
            if self._interrupted:
                raise InterruptedThreadError(f"{self} was told to stop")
            deadline.check(f"{self}: an answer of the driver")
        if ioctl.errno:
            raise DriverRefusedError(ioctl.errno, done.write_consumed, len(write))
        return Exchange(done.write_consumed, read.checked().data[: done.read_consumed])

    def ioctl(self, request: int, argument: Structure | None = None) -> int:
        """Another ioctl, its argument copied in only; raises the OSError it fails with."""
        packed = b"\0" * 4 if argument is None else argument.pack()
        return self.remote.syscall("ioctl", self.file.descriptor, request, packed)

    def ask(self, request: int, argument: Answer) -> Answer:
        """Another ioctl, its argument copied in and out; raises the OSError it fails with."""
        address = self._commands.address(argument.sizeof())
        results = self.remote.batch(
            Write(address, argument.pack()),
            SystemCall("ioctl", self.file.descriptor, request, address),
            Read(address, argument.sizeof()),
        )
        return type(argument).unpack([result.checked() for result in results][-1].data)

    def spare(self) -> DriverThread:
        """A thread of the process that waits for nothing, for commands that any thread may give."""
        with self.file.lock:
            if self.file.spare_thread is None:
                self.file.spare_thread = DriverThread(self.file, self.file.process.start_thread())
            return self.file.spare_thread

    def interrupt(self) -> None:
        """From another Python thread: end the exchange that is under way, and refuse every later one."""
        with self._lock:
            self._interrupted = True
            pending = self._pending
        if pending is not None:
            pending.interrupt()

    def _run(self, deadline: Deadline, *operations: Operation) -> list[OperationResult]:
        """Run a batch whose ioctl may block: at the deadline it is interrupted, and ends in EINTR."""
        with self._lock:
            if self._interrupted:
                raise InterruptedThreadError(f"{self} was told to stop")
            self._pending = pending = self.remote.submit(*operations, keep_going=True)
        try:
            return pending.result(deadline)
        except TimeLimitError:
            pending.interrupt()
            return pending.result()
        finally:
            with self._lock:
                self._pending = None
