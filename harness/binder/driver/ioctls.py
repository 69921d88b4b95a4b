"""The ioctls of one remote thread on an open binder file, each in one round trip."""

from __future__ import annotations

import errno
import functools
import threading
from dataclasses import dataclass
from typing import TypeVar

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.operations import OperationResult, Read, SystemCall, Write
from harness.agent.protocol import Batch
from harness.agent.thread import PendingBatch, RemoteThread
from harness.argument_types import checked_methods
from harness.binder.abi import returns
from harness.binder.abi.layout import Structure
from harness.binder.driver.one_trip import Awaited, Content, Shape, Trip
from harness.binder.driver.open_file import OpenFile
from harness.binder.driver.payload import PayloadMemory
from harness.binder.errors import DriverRefusedError

CALL_SECONDS = 10.0
"""The default deadline of every call."""

READ_SIZE = 256
"""Default size of the read buffer in bytes: that of libbinder (IPCThreadState.cpp)."""

KEPT_TRIPS = 16
"""How many shapes of trips a thread keeps encoded: calls recur."""
MOST_KEPT = 4096
"""Bytes that such a trip writes: encoding takes less time than writing more."""

_SMALLEST_SCRATCH = 4096

Argument = TypeVar("Argument", bound=Structure)


class InterruptedThreadError(HarnessError):
    """interrupt() ended the ioctl of this thread, and refuses every later one."""


@dataclass(frozen=True, slots=True, repr=False)
class Exchange:
    """What one BINDER_WRITE_READ did: the number of consumed command bytes, and the content it returned."""

    write_consumed: int
    read: bytes
    content: Content | None = None
    """Of the awaited reply or transaction."""

    def __repr__(self) -> str:
        try:
            names = ", ".join(returned.TAG.name for returned in self.returns)
        except HarnessError:  # an unknown code, or one that is cut off
            names = self.read.hex(" ", 4)
        return f"<Exchange: {self.write_consumed} bytes of commands consumed, returned: {names or 'nothing'}>"

    @property
    def read_consumed(self) -> int:
        """Bytes that the driver put into the read buffer."""
        return len(self.read)

    @property
    def returns(self) -> list[returns.Return]:
        """The BR_ codes in the read buffer."""
        return returns.parse(self.read)


@checked_methods
class ThreadIoctls:
    """Makes the ioctls of one thread of the process that opened the file.

    The driver keeps state for each thread (looper, transaction stack, last error), so commands that
    belong together go through one of these, from one Python thread at a time.
    """

    def __init__(self, file: OpenFile, remote: RemoteThread) -> None:
        self.file = file
        self.remote = remote
        self.payloads = PayloadMemory(file.process.memory.scratch(_SMALLEST_SCRATCH))
        self._scratch = file.process.memory.scratch(_SMALLEST_SCRATCH)
        self._make_trip = functools.partial(Trip, remote.architecture, file.descriptor)
        self._kept_trip = functools.lru_cache(KEPT_TRIPS)(self._make_trip)
        self._exchanging = threading.Lock()
        self._lock = threading.Lock()  # protects the attributes below
        self._pending: PendingBatch | None = None
        self._interrupted = False

    def __str__(self) -> str:
        return f"{self.remote} on {self.file}"

    def write_read(
        self,
        commands: bytes = b"",
        read_size: int = 0,
        *,
        payload: Write | None = None,
        awaited: Awaited | None = None,
        after_reply: bool = False,
        deadline: Deadline | None = None,
    ) -> Exchange:
        """One BINDER_WRITE_READ: writes commands, and reads up to `read_size` bytes of returns.

        With neither, it makes the thread known to the driver: any ioctl does with the one in C, but
        BINDER_VERSION, BINDER_FREEZE and BINDER_GET_NODE_DEBUG_INFO do not with the one in Rust (Linux 6.18).
        What waits for the process comes to any thread that reads, in Rust to loopers alone: see
        `commands.EnterLooper`.

        `payload`, from `payloads.load`, is written first. Where the driver returns what is `awaited`, its
        content comes with it. `after_reply`: the commands end in a reply; where the driver returns at once
        that it is complete, and nothing else, a second ioctl waits for what is awaited.

        Raises DriverRefusedError with the errno and the number of command bytes consumed before it;
        TimeLimitError if an ioctl does not return by the deadline (10 s unless given): then it is
        interrupted, but the commands were carried out.
        """
        deadline = deadline or Deadline(CALL_SECONDS)
        with self._exchanging:
            placed = None if payload is None else (payload.address, len(payload.data))
            shape = Shape(len(commands), read_size, placed, awaited, after_reply)
            make = self._kept_trip if shape.written <= MOST_KEPT else self._make_trip
            trip = make(self._scratch.address(shape.memory), shape)
            results = self._run(deadline, trip.batch(commands, payload))
            exchanged = trip.exchanged(results)
            last = exchanged[-1]
            if last.errno == errno.EINTR:
                if self._interrupted:
                    raise InterruptedThreadError(f"{self} was interrupted")
                deadline.check(f"{self}: a return of the driver")
            consumed = exchanged[0].write_consumed
            if last.errno:
                raise DriverRefusedError(last.errno, consumed, len(commands))
            return Exchange(consumed, b"".join(each.read for each in exchanged), trip.content(results))

    def ioctl(self, request: int, argument: Structure | None = None) -> int:
        """Another ioctl whose argument is copied in only; raises the OSError it fails with."""
        packed = b"\0" * 4 if argument is None else argument.pack()
        return self.remote.syscall("ioctl", self.file.descriptor, request, packed)

    def ioctl_inout(self, request: int, argument: Argument) -> Argument:
        """Another ioctl whose argument is copied in and out; raises the OSError it fails with."""
        address = self._scratch.address(argument.sizeof())
        results = self.remote.batch(
            Write(address, argument.pack()),
            SystemCall("ioctl", self.file.descriptor, request, address),
            Read(address, argument.sizeof()),
        )
        return type(argument).unpack([result.checked() for result in results][-1].data)

    def interrupt(self) -> None:
        """From another Python thread: end the exchange in progress, and refuse every later one."""
        with self._lock:
            self._interrupted = True
            pending = self._pending
        if pending is not None:
            pending.interrupt()

    def _run(self, deadline: Deadline, batch: Batch) -> list[OperationResult]:
        """Run a batch whose ioctl may block: at the deadline it is interrupted, and ends in EINTR."""
        with self._lock:
            if self._interrupted:
                raise InterruptedThreadError(f"{self} was interrupted")
            self._pending = pending = self.remote.submit_batch(batch)
        try:
            return pending.result(deadline)
        except TimeLimitError:
            pending.interrupt()
            return pending.result()
        finally:
            with self._lock:
                self._pending = None
