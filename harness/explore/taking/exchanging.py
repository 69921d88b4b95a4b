"""One BINDER_WRITE_READ of a program as the operations of a batch, and their results as an outcome."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence

from harness.agent.operations import Operation, OperationResult, Read, Stored, SystemCall, Write
from harness.agent.thread import RemoteThread
from harness.binder.abi import returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import BinderTransactionData, BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl
from harness.explore.taking.actor import READ_ROOM, WRITE_SIZE, Actor
from harness.explore.taking.packing import PAYLOAD_SIZE, packed, parsed_objects
from harness.explore.taking.received import with_fixups
from harness.model.steps import WORD, Exchange, Object, Outcome, object_size

Relative = Callable[[Return, Actor], Return]
"""A return with offsets in the place of addresses, and numbers in that of pids."""
_LARGEST_OBJECT = 40


class Prepared:
    """An exchange that is ready to be run; its operations are followed by others of the batch, or none."""

    def __init__(
        self, step: Exchange, actor: Actor, expected: Sequence[Object], earlier: Sequence[Return]
    ) -> None:
        """`expected`: objects of the transaction that is the last return; `earlier`: returns before it."""
        self.operations: list[Operation] = []
        self._actor = actor
        self._remote, memory = actor.thread(step.thread)
        self._expected = expected
        read = memory + BinderWriteRead.sizeof() + WRITE_SIZE
        commands = self._commands(step, memory + BinderWriteRead.sizeof() + WRITE_SIZE + READ_ROOM)
        argument = BinderWriteRead(
            write_size=len(commands),
            write_buffer=memory + BinderWriteRead.sizeof(),
            read_size=step.read,
            read_buffer=read,
        )
        self.operations.append(Write(memory, argument.pack() + commands))
        if step.waits is not actor.waits:
            mode = os.O_RDWR | (0 if step.waits else os.O_NONBLOCK)
            self.operations.append(SystemCall("fcntl", actor.descriptor, fcntl.F_SETFL, mode))
            actor.waits = step.waits
        exchange = SystemCall("ioctl", actor.descriptor, BinderIoctl.BINDER_WRITE_READ, memory)
        self.operations += actor.filled(exchange) if step.is_full else [exchange]
        self._call = self.operations.index(exchange)
        self._answer = len(self.operations)
        self.operations += [Read(memory, BinderWriteRead.sizeof()), Read(read, max(step.read, 4))]
        if expected:
            record = read + sum(4 + each.sizeof() for each in earlier) + 4
            buffer = record + BinderTransactionData.offsetof("buffer")
            self.operations.append(Read(Stored(buffer), sum(map(object_size, expected))))

    def outcome(
        self, results: Sequence[OperationResult], relative: Callable[[Return, Actor], Return]
    ) -> Outcome:
        """What came of it."""
        answer = BinderWriteRead.unpack(results[self._answer].checked().data)
        content = results[self._answer + 1].checked().data[: answer.read_consumed]
        returned = returns.parse(content)
        mapping = self._actor.mapping
        objects: tuple[Object, ...] = ()
        if self._expected:
            objects = parsed_objects(results[self._answer + 2].data, mapping)
        elif returned and isinstance(returned[-1], returns.Transaction | returns.Reply):
            objects = _found(returned[-1], mapping, self._remote)
        return Outcome(
            -results[self._call].errno,
            answer.write_consumed,
            tuple(relative(each, self._actor) for each in returned),
            with_fixups(objects, mapping, self._remote),
        )

    def _commands(self, step: Exchange, payloads: int) -> bytes:
        """The commands in bytes; what their payloads need becomes operations."""
        found = b""
        for place, command in enumerate(step.commands):
            encoded, writes = packed(
                command, self._actor.mapping, payloads + place * PAYLOAD_SIZE, self._actor.spare_descriptor
            )
            found += encoded
            self.operations += writes
        return found


def _found(
    received: returns.Transaction | returns.Reply, mapping: int, remote: RemoteThread
) -> tuple[Object, ...]:
    """The objects of a transaction that was not expected to have any."""
    count = received.offsets_size // WORD
    if not count:
        return ()
    size = min(received.data_size, count * _LARGEST_OBJECT)
    (data,) = remote.batch(Read(received.buffer, size))
    return parsed_objects(data.checked().data, mapping, count)
