"""A thread on the device that runs batches of system calls and memory accesses, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from emulator.base.architecture import Architecture
from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.connection import Connection, PendingAnswer
from harness.agent.operations import Operation, OperationResult, SystemCall, Write, map_anonymous, shown
from harness.agent.protocol import Batch, BatchResults, FrameKind, decode_results, encode_batch
from harness.agent.scratch import Scratch
from harness.agent.syscalls import SyscallNumber
from harness.argument_types import checked_methods

DEFAULT_SECONDS = 10.0
"""The default deadline of every call."""
_YIELDS_WITHIN = 1.0
"""How long a call past its deadline is interrupted repeatedly."""
_INTERRUPT_INTERVAL = 0.01
_SCRATCH_SIZE = 64 * 1024
_SCRATCH_ALIGNMENT = 16
UNCHANGED = -1
"""A user that setresuid(2) leaves as it is."""


class PendingBatch:
    """A sent batch: it can be awaited, and its blocked system call can be interrupted."""

    def __init__(
        self,
        thread: RemoteThread,
        operations: Sequence[Operation],
        request: int,
        answer: PendingAnswer,
    ) -> None:
        self._thread = thread
        self._operations = operations
        self._request = request
        self._answer = answer

    def __str__(self) -> str:
        names = list(dict.fromkeys(_name(operation) for operation in self._operations))
        return f"{', '.join(names) or 'an empty batch'} on {self._thread}"

    @property
    def done(self) -> bool:
        """Whether result() would return or raise at once."""
        return self._answer.wait(Deadline(0))

    def result(self, deadline: Deadline | None = None) -> list[OperationResult]:
        """The results of the executed operations: up to the first failure, unless the batch keeps going.

        Raises AgentDiedError; TimeLimitError at the deadline (10 s unless given): the batch stays pending.
        """
        return self.outcome(deadline).results

    def outcome(self, deadline: Deadline | None = None) -> BatchResults:
        """Like result(), with the child's state if a forked child ran the batch."""
        answer = self._answer.result(deadline or Deadline(DEFAULT_SECONDS), self)
        return decode_results(answer, self._operations)

    def interrupt(self, deadline: Deadline | None = None) -> None:
        """Make the blocked system call return EINTR, and wait for the end of the batch.

        The signal is repeated until then, because one that arrives just before the call blocks is lost.
        Raises TimeLimitError if the call has not returned by the deadline (10 s unless given).
        """
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        while not self.done:
            deadline.check(f"interrupting {self}")
            self.interrupt_once()
            self._answer.wait(Deadline(_INTERRUPT_INTERVAL))

    def interrupt_once(self) -> None:
        """Send one signal if the thread runs this batch now, without waiting."""
        self._thread.connection.interrupt(self._thread.tid, self._request)


@checked_methods
class RemoteThread:
    """One thread of a process on the device. It runs batches in the order in which they were sent."""

    def __init__(self, connection: Connection, tid: int, pid: int, architecture: Architecture) -> None:
        self.connection = connection
        self.tid = tid
        self.architecture = architecture
        self.pid = pid
        self._scratch = Scratch(self._map, _SCRATCH_SIZE)

    def __str__(self) -> str:
        return f"thread {self.tid} of process {self.pid}"

    def __repr__(self) -> str:
        return f"<RemoteThread {self.tid} of process {self.pid}>"

    def syscall(
        self, name: SyscallNumber | str, *arguments: int | bytes, deadline: Deadline | None = None
    ) -> int:
        """Make one system call, in one round trip, and return its value.

        `bytes` arguments are written to the thread's scratch memory, aligned to 16 bytes and followed by a
        zero byte, and passed by address; the next call overwrites them. Raises the OSError of a failed call;
        at the deadline (10 s unless given) it interrupts the call and raises TimeLimitError.
        """
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        operations = self._place(name, arguments, deadline)
        result = self.batch(*operations, deadline=deadline)[-1]
        if result.errno:
            result.checked(f"{getattr(name, 'name', name)}({', '.join(map(shown, arguments))})")
        return result.value

    def batch(
        self, *operations: Operation, deadline: Deadline | None = None, keep_going: bool = False
    ) -> list[OperationResult]:
        """Run operations in one round trip; the results end with the first failure unless `keep_going`.

        At the deadline (10 s unless given) it interrupts the batch and raises TimeLimitError.
        """
        return self._run(FrameKind.BATCH, operations, deadline, keep_going=keep_going).results

    def submit(self, *operations: Operation, keep_going: bool = False) -> PendingBatch:
        """Send operations without awaiting their results, for calls that block."""
        return self._submit(
            FrameKind.BATCH, encode_batch(operations, self.architecture, keep_going=keep_going)
        )

    def submit_batch(self, batch: Batch) -> PendingBatch:
        """Like submit(), for operations that are encoded already."""
        return self._submit(FrameKind.BATCH, batch)

    def fork(
        self, *operations: Operation, deadline: Deadline | None = None, keep_going: bool = False
    ) -> BatchResults:
        """Fork, and run operations in the child; RemoteProcess.fork() also reaps the child."""
        return self._run(FrameKind.FORK, operations, deadline, keep_going=keep_going)

    def _submit(self, kind: FrameKind, batch: Batch) -> PendingBatch:
        request, answer = self.connection.request(
            kind,
            thread=self.tid,
            payload=batch.payload,
            answer_size=batch.answer_size,
            prompt=batch.prompt and kind == FrameKind.BATCH,
        )
        return PendingBatch(self, batch.operations, request, answer)

    def _run(
        self,
        kind: FrameKind,
        operations: Sequence[Operation],
        deadline: Deadline | None,
        *,
        keep_going: bool,
    ) -> BatchResults:
        batch = encode_batch(operations, self.architecture, keep_going=keep_going)
        pending = self._submit(kind, batch)
        try:
            return pending.outcome(deadline)
        except BaseException:
            # Only this method has the pending batch, so it has to be ended here, also after Ctrl-C.
            with contextlib.suppress(TimeLimitError):
                pending.interrupt(Deadline(_YIELDS_WITHIN))
            raise

    def _place(
        self, name: SyscallNumber | str, arguments: Sequence[int | bytes], deadline: Deadline
    ) -> tuple[Operation, ...]:
        """The call, after the write of its `bytes` arguments to scratch memory if it has any."""
        sizes = [len(each) + _SCRATCH_ALIGNMENT for each in arguments if isinstance(each, bytes)]
        address = self._scratch.address(sum(sizes), deadline=deadline) if sizes else 0
        words: list[int] = []
        data = bytearray()
        for argument in arguments:
            if isinstance(argument, bytes):
                words.append(address + len(data))
                data += argument + b"\0"
                data += bytes(-len(data) % _SCRATCH_ALIGNMENT)
            else:
                words.append(argument)
        call = SystemCall(name, *words)
        return (Write(address, bytes(data)), call) if sizes else (call,)

    def _map(self, size: int, deadline: Deadline | None) -> int:
        return self.batch(map_anonymous(size), deadline=deadline)[0].checked().value


def _name(operation: Operation) -> str:
    return operation.syscall.name if isinstance(operation, SystemCall) else type(operation).__name__.lower()


@contextlib.contextmanager
def effective_user(thread: RemoteThread, uid: int | None, *, own: int) -> Iterator[None]:
    """Change the effective user of one thread of a process of `own`, as the system call does without libc.

    Nothing changes where `uid` is None. Raises OSError with EPERM where `own` is not root.
    """
    if uid is None:
        yield
        return
    thread.syscall("setresuid", UNCHANGED, uid, UNCHANGED)
    try:
        yield
    finally:
        thread.syscall("setresuid", UNCHANGED, own, UNCHANGED)
