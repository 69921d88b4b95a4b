"""One batch for an exchange with the driver and all that depends on what the driver returns.

An ioctl puts the record of a reply or a transaction into the read buffer, and its data into the mapping.
Reading and freeing them would take further round trips: the agent does it in the same one, where the driver
returned what was awaited. Where it returned anything else, the batch ends, and the caller acts on that.

The memory of a trip: the first read buffer, its argument, that of the exchange that frees, its command, the
commands of the first exchange, and, where a second one follows, its argument and read buffer. So all that has
to be there before is one write, and each argument is read together with its read buffer.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emulator.base.architecture import Architecture
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
from harness.agent.protocol import Batch, encode_batch
from harness.binder.abi.structures import BinderTransactionData, BinderWriteRead
from harness.binder.abi.uapi import BinderCommand, BinderIoctl, BinderReturn

MOST_DATA = 16 * 1024
"""Bytes of data that come in the same trip; more take one trip of their own."""
MOST_OFFSETS = 1024
"""Bytes of offsets, 8 for each object."""
_TAG = 4
_POINTER = 8
_ARGUMENT = BinderWriteRead.sizeof()


@dataclass(frozen=True, slots=True, eq=False)
class Awaited:
    """What an exchange is expected to return: these codes, and the record of the last of them.

    One code comes before: BR_NOOP, or BR_SPAWN_LOOPER in its place (binder_thread_read).
    """

    codes: tuple[BinderReturn, ...]
    free: bool = False
    """Whether data without objects are freed when they are copied."""


REPLY_TO_CALL = Awaited((BinderReturn.BR_TRANSACTION_COMPLETE, BinderReturn.BR_REPLY), free=True)
"""The driver completes a call and returns its reply together (binder_enqueue_deferred_thread_work)."""
LATER_REPLY = Awaited((BinderReturn.BR_REPLY,), free=True)
"""When the call was completed before."""
CALL = Awaited((BinderReturn.BR_TRANSACTION,))


@dataclass(frozen=True, slots=True)
class Content:
    """A copy of what a reply or a transaction refers to."""

    data: bytes
    offsets: tuple[int, ...]
    freed: bool
    """Whether the driver has its buffer back."""


class Shape(NamedTuple):
    """What the batches of a trip have in common: sizes in bytes, and whether another exchange awaits."""

    commands: int
    read_size: int
    payload: tuple[Word, int] | None = None
    """Address and size of what is written before."""
    awaited: Awaited | None = None
    after_reply: bool = False
    """The commands end in a reply. Where the driver returns that it is complete, and nothing else, a second
    exchange waits for what is awaited."""

    @property
    def written(self) -> int:
        """Bytes that vary: the commands and the payload."""
        return self.commands + (0 if self.payload is None else self.payload[1])

    @property
    def memory(self) -> int:
        """Bytes of memory that a trip takes at most."""
        return 3 * _ARGUMENT + _TAG + _POINTER + self.commands + 2 * self.read_size


class Exchanged(NamedTuple):
    """What one BINDER_WRITE_READ of a trip did."""

    errno: int
    write_consumed: int
    read: bytes


@dataclass(frozen=True, slots=True)
class _Position:
    """Where the results have an exchange: its ioctl is followed by the reading of its memory."""

    ioctl: int
    argument: int
    """Offset of the argument in what was read."""
    read: int
    """Offset of the read buffer."""


class Trip:
    """The batches of one shape: encoded once, they differ in the commands and the payload alone."""

    def __init__(self, architecture: Architecture, descriptor: int, address: int, shape: Shape) -> None:
        self._descriptor = descriptor
        self._operations: list[Operation] = []
        self._exchanges: list[_Position] = []
        self._content: int | None = None
        self._freeing: int | None = None
        first = address + shape.read_size
        self._freeing_argument = first + _ARGUMENT
        freeing_command = self._freeing_argument + _ARGUMENT
        self._to_free = freeing_command + _TAG
        commands = self._to_free + _POINTER
        second = commands + shape.commands
        self._before = b"".join(
            (
                _argument(commands, shape.commands, address, shape.read_size),
                _argument(freeing_command, _TAG + _POINTER, 0, 0),
                BinderCommand.BC_FREE_BUFFER.to_bytes(_TAG, "little"),
                bytes(_POINTER),
            )
        )
        self._after = _argument(0, 0, second + _ARGUMENT, shape.read_size) if shape.after_reply else b""
        if shape.payload is not None:
            self._operations.append(Write(shape.payload[0], bytes(shape.payload[1])))
        self._operations.append(Write(first, self._before + bytes(shape.commands) + self._after))
        last = self._exchange(first, address, shape.read_size)
        if shape.after_reply:
            # Not BR_SPAWN_LOOPER: it asks for a thread before this one waits.
            self._expect(*last, [BinderReturn.BR_NOOP, BinderReturn.BR_TRANSACTION_COMPLETE])
            last = self._exchange(second, second + _ARGUMENT, shape.read_size)
        if shape.awaited is not None:
            self._fetch(*last, shape.awaited)
        self._batch = encode_batch(self._operations, architecture, keep_going=True)

    def batch(self, commands: bytes, payload: Write | None) -> Batch:
        """The one with these commands and this payload."""
        written = self._before + commands + self._after
        if payload is None:
            return self._batch.with_data(written)
        return self._batch.with_data(payload.data, written)

    def _exchange(self, argument: int, read: int, read_size: int) -> tuple[int, int]:
        """Add a BINDER_WRITE_READ; returns the addresses of its argument and read buffer."""
        start = min(argument, read)
        self._exchanges.append(_Position(len(self._operations), argument - start, read - start))
        self._operations += [
            SystemCall("ioctl", self._descriptor, BinderIoctl.BINDER_WRITE_READ, argument),
            Read(start, _ARGUMENT + read_size),
        ]
        return argument, read

    def _expect(
        self, argument: int, read: int, codes: Sequence[BinderReturn], *, before: int = 0, record: int = 0
    ) -> int:
        """End the batch unless that exchange returned one or two codes, between so many bytes, and no more.

        Returns the address of the record.
        """
        expected = b"".join(code.to_bytes(_TAG, "little") for code in codes)
        size = before + len(expected) + record
        number = int.from_bytes(expected, "little")
        self._operations += [
            Check(argument + BinderWriteRead.offsetof("read_consumed"), size, size),
            Check(read + before, number, number, len(expected)),
        ]
        return read + before + len(expected)

    def _fetch(self, argument: int, read: int, awaited: Awaited) -> None:
        """Copy the data and offsets of the awaited record, if they are small; and free them, if asked for."""
        record = self._expect(
            argument, read, awaited.codes, before=_TAG, record=BinderTransactionData.sizeof()
        )
        data_size, offsets_size, buffer, offsets = (
            record + BinderTransactionData.offsetof(field)
            for field in ("data_size", "offsets_size", "buffer", "offsets")
        )
        self._operations += [Check(data_size, 0, MOST_DATA), Check(offsets_size, 0, MOST_OFFSETS)]
        self._content = len(self._operations)
        self._operations += [
            Read(Stored(buffer), Stored(data_size), MOST_DATA),
            Read(Stored(offsets), Stored(offsets_size), MOST_OFFSETS),
        ]
        if awaited.free:
            self._operations += [
                Check(offsets_size, 0, 0),  # objects have to be acquired first
                Store(self._to_free, Stored(buffer)),
                SystemCall("ioctl", self._descriptor, BinderIoctl.BINDER_WRITE_READ, self._freeing_argument),
            ]
            self._freeing = len(self._operations) - 1

    def exchanged(self, results: Sequence[OperationResult]) -> list[Exchanged]:
        """What each exchange did that was begun."""
        done = []
        for position in self._exchanges:
            if position.ioctl < len(results):
                memory = results[position.ioctl + 1].checked().data
                argument = BinderWriteRead.unpack(memory, position.argument)
                read = memory[position.read : position.read + argument.read_consumed]
                done.append(Exchanged(results[position.ioctl].errno, argument.write_consumed, read))
        return done

    def content(self, results: Sequence[OperationResult]) -> Content | None:
        """The content of the awaited record; None where something else came, or it is too large.

        Raises OSError where the buffer could not be read or freed.
        """
        if self._content is None or len(results) < self._content + 2:
            return None
        data = results[self._content].checked().data
        offsets = results[self._content + 1].checked().data
        freed = self._freeing is not None and len(results) > self._freeing
        if freed and results[-1].errno:
            raise OSError(results[-1].errno, f"BC_FREE_BUFFER: {errno.errorcode[results[-1].errno]}")
        return Content(data, struct.unpack(f"<{len(offsets) // 8}Q", offsets) if offsets else (), freed)


def _argument(commands: int, size: int, read: int, read_size: int) -> bytes:
    """The argument of a BINDER_WRITE_READ."""
    return BinderWriteRead(
        write_size=size, write_buffer=commands, read_size=read_size, read_buffer=read
    ).pack()
