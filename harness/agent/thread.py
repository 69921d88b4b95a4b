"""A thread on the device that makes the system calls it is told to make, one batch after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from emulator.base.architecture import Architecture
from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.connection import Answer, Connection
from harness.agent.operations import Call, Operation, Result, Write, map_anonymous
from harness.agent.protocol import BatchResults, FrameKind, decode_results, encode_batch
from harness.agent.syscalls import Syscall

DEFAULT_SECONDS = 10.0
"""The deadline of every call that is given none."""
_YIELDS_WITHIN = 1.0
"""How long a call that is over its time is interrupted again and again."""
_INTERRUPT_INTERVAL = 0.01
_SCRATCH_SIZE = 64 * 1024
_SCRATCH_ALIGNMENT = 16


class PendingBatch:
    """A batch that was sent: it can be awaited, and the system call it is blocked in can be interrupted."""

    def __init__(
        self,
        thread: RemoteThread,
        operations: Sequence[Operation],
        request: int,
        answer: Answer,
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
        """Whether result() would return, or raise, at once."""
        return self._answer.wait(Deadline(0))

    def result(self, deadline: Deadline | None = None) -> list[Result]:
        """The results of the operations that were run: up to the first failure, unless the batch keeps going.

        Raises AgentDiedError; at the deadline (10 s unless given) TimeLimitError: the batch stays pending.
        """
        return self.outcome(deadline).results

    def outcome(self, deadline: Deadline | None = None) -> BatchResults:
        """As result(), with what became of the child for a batch that was run by one."""
        answer = self._answer.result(deadline or Deadline(DEFAULT_SECONDS), self)
        return decode_results(answer, self._operations)

    def interrupt(self, deadline: Deadline | None = None) -> None:
        """Make the blocked system call return EINTR, and wait until the batch has ended.

        The signal is repeated until then, for one that comes just before the call blocks is lost. Raises
        TimeLimitError where the call does not yield to it by the deadline (10 s unless given).
        """
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        while not self.done:
            deadline.check(f"interrupting {self}")
            self.interrupt_once()
            self._answer.wait(Deadline(_INTERRUPT_INTERVAL))

    def interrupt_once(self) -> None:
        """Send one signal, if the thread is at this batch now, and wait for nothing."""
        self._thread.connection.interrupt(self._thread.tid, self._request)


class RemoteThread:
    """One thread of a process on the device. It runs batches in the order in which they were sent."""

    def __init__(self, connection: Connection, tid: int, pid: int, architecture: Architecture) -> None:
        self.connection = connection
        self.tid = tid
        self.architecture = architecture
        self._pid = pid
        self._scratch = (0, 0)  # address and size

    def __str__(self) -> str:
        return f"thread {self.tid} of process {self._pid}"

    def syscall(self, name: Syscall | str, *arguments: int | bytes, deadline: Deadline | None = None) -> int:
        """Make one system call, in one round trip, and return its value.

        `bytes` are placed in memory of the thread's own, aligned to 16 bytes and followed by a zero byte, and
        their address is passed; the next call overwrites them. Raises the OSError of a call that fails, and
        TimeLimitError at the deadline (10 s unless given), when it also interrupts the call.
        """
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        operations = self._place(name, arguments, deadline)
        return self.batch(*operations, deadline=deadline)[-1].checked().value

    def batch(
        self, *operations: Operation, deadline: Deadline | None = None, keep_going: bool = False
    ) -> list[Result]:
        """Run operations in one round trip; the results end with the first failure, unless `keep_going`.

        Raises TimeLimitError at the deadline (10 s unless given), when it also interrupts the call.
        """
        return self._run(FrameKind.BATCH, operations, deadline, keep_going=keep_going).results

    def submit(self, *operations: Operation, keep_going: bool = False) -> PendingBatch:
        """Send operations without awaiting their results, as for a call that blocks."""
        return self._submit(FrameKind.BATCH, operations, keep_going=keep_going)

    def fork(
        self, *operations: Operation, deadline: Deadline | None = None, keep_going: bool = False
    ) -> BatchResults:
        """Fork, and run operations in the child; RemoteProcess.fork() also looks after the child's end."""
        return self._run(FrameKind.FORK, operations, deadline, keep_going=keep_going)

    def _submit(self, kind: FrameKind, operations: Sequence[Operation], *, keep_going: bool) -> PendingBatch:
        batch = encode_batch(operations, self.architecture, keep_going=keep_going)
        request, answer = self.connection.request(
            kind,
            thread=self.tid,
            payload=batch.payload,
            answer_size=batch.answer_size,
            prompt=batch.prompt and kind == FrameKind.BATCH,
        )
        return PendingBatch(self, operations, request, answer)

    def _run(
        self,
        kind: FrameKind,
        operations: Sequence[Operation],
        deadline: Deadline | None,
        *,
        keep_going: bool,
    ) -> BatchResults:
        pending = self._submit(kind, operations, keep_going=keep_going)
        try:
            return pending.outcome(deadline)
        except BaseException:
            # Nobody else can, be it after Ctrl-C: the caller never saw the pending batch.
            with contextlib.suppress(TimeLimitError):
                pending.interrupt(Deadline(_YIELDS_WITHIN))
            raise

    def _place(
        self, name: Syscall | str, arguments: Sequence[int | bytes], deadline: Deadline
    ) -> tuple[Operation, ...]:
        """The call, after a write of its `bytes` arguments to scratch memory where it has any."""
        sizes = [len(each) + _SCRATCH_ALIGNMENT for each in arguments if isinstance(each, bytes)]
        address = self._scratch_for(sum(sizes), deadline) if sizes else 0
        words: list[int] = []
        data = bytearray()
        for argument in arguments:
            if isinstance(argument, bytes):
                words.append(address + len(data))
                data += argument + b"\0"
                data += bytes(-len(data) % _SCRATCH_ALIGNMENT)
            else:
                words.append(argument)
        call = Call(name, *words)
        return (Write(address, bytes(data)), call) if sizes else (call,)

    def _scratch_for(self, size: int, deadline: Deadline) -> int:
        """The address of scratch memory for at least `size` bytes."""
        address, available = self._scratch
        if size > available:
            available = max(_SCRATCH_SIZE, 2 * size)
            address = self.batch(map_anonymous(available), deadline=deadline)[0].checked().value
            self._scratch = (address, available)  # the smaller one stays: a batch on its way may use it
        return address


def _name(operation: Operation) -> str:
    return operation.syscall.name if isinstance(operation, Call) else type(operation).__name__.lower()
