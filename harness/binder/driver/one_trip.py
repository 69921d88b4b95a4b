"""One batch for an exchange with the driver and all that depends on what the driver returns.

An ioctl puts the record of a reply or a transaction into the read buffer, and its data into the mapping.
Reading and freeing them would take further round trips: the agent does it in the same one, where the driver
returned what was awaited. Where it returned anything else, the batch ends, and the caller acts on that.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from harness.agent.operations import Check, Operation, OperationResult, Read, Store, Stored, SystemCall, Write
from harness.binder.abi.structures import BinderTransactionData, BinderWriteRead
from harness.binder.abi.uapi import BinderCommand, BinderIoctl, BinderReturn

MOST_DATA = 16 * 1024
"""Bytes of data that come in the same trip; more take one trip of their own."""
MOST_OFFSETS = 1024
"""Bytes of offsets, 8 for each object."""
_TAG = 4
_POINTER = 8


@dataclass(frozen=True, slots=True)
class Awaited:
    """What an exchange is expected to return: BR_NOOP, these codes, and the record of the last of them."""

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


@dataclass(frozen=True, slots=True)
class WriteReadArgument:
    """The memory that one BINDER_WRITE_READ takes: its argument, then the commands, then the read buffer."""

    address: int
    commands: bytes
    read_size: int

    @property
    def size(self) -> int:
        """Bytes in all."""
        return BinderWriteRead.sizeof() + len(self.commands) + self.read_size

    @property
    def read_buffer(self) -> int:
        """Address of the read buffer."""
        return self.address + BinderWriteRead.sizeof() + len(self.commands)

    @property
    def memory(self) -> bytes:
        """What has to be at `address` before the ioctl."""
        argument = BinderWriteRead(
            write_size=len(self.commands),
            write_buffer=self.address + BinderWriteRead.sizeof(),
            read_size=self.read_size,
            read_buffer=self.read_buffer,
        )
        return argument.pack() + self.commands


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one BINDER_WRITE_READ of a trip did."""

    errno: int
    write_consumed: int
    read: bytes


class Trip:
    """The operations of a batch, in the order in which they are added, and later their results."""

    def __init__(self, descriptor: int, address: int, payload: Write | None) -> None:
        self.operations: list[Operation] = [] if payload is None else [payload]
        self._descriptor = descriptor
        self._free_memory = address
        self._exchanges: list[int] = []
        self._content: int | None = None
        self._freeing: int | None = None

    def exchange(self, commands: bytes, read_size: int) -> WriteReadArgument:
        """Add a BINDER_WRITE_READ."""
        argument = WriteReadArgument(self._free_memory, commands, read_size)
        self._free_memory += argument.size
        self.operations += [
            Write(argument.address, argument.memory),
            SystemCall("ioctl", self._descriptor, BinderIoctl.BINDER_WRITE_READ, argument.address),
        ]
        self._exchanges.append(len(self.operations) - 1)
        self.operations += [
            Read(argument.address, BinderWriteRead.sizeof()),
            Read(argument.read_buffer, read_size),
        ]
        return argument

    def expect(self, argument: WriteReadArgument, codes: Sequence[BinderReturn], record: int = 0) -> int:
        """End the batch unless that exchange returned BR_NOOP, these codes, and `record` bytes more.

        Returns the address of the record.
        """
        consumed = argument.address + BinderWriteRead.offsetof("read_consumed")
        size = _TAG * (1 + len(codes)) + record
        self.operations.append(Check(consumed, size, size))
        for position, code in enumerate((BinderReturn.BR_NOOP, *codes)):
            self.operations.append(Check(argument.read_buffer + _TAG * position, code, code, _TAG))
        return argument.read_buffer + size - record

    def fetch(self, argument: WriteReadArgument, awaited: Awaited) -> None:
        """Copy the data and offsets of the awaited record, if they are small; and free them, if asked for."""
        record = self.expect(argument, awaited.codes, BinderTransactionData.sizeof())
        data_size, offsets_size, buffer, offsets = (
            record + BinderTransactionData.offsetof(field)
            for field in ("data_size", "offsets_size", "buffer", "offsets")
        )
        self.operations += [Check(data_size, 0, MOST_DATA), Check(offsets_size, 0, MOST_OFFSETS)]
        self._content = len(self.operations)
        self.operations += [
            Read(Stored(buffer), Stored(data_size), MOST_DATA),
            Read(Stored(offsets), Stored(offsets_size), MOST_OFFSETS),
        ]
        if awaited.free:
            self.operations.append(Check(offsets_size, 0, 0))  # objects have to be acquired first
            self._free(buffer)

    def _free(self, buffer: int) -> None:
        """Write BC_FREE_BUFFER for the address that is in memory at `buffer`."""
        command = BinderCommand.BC_FREE_BUFFER.to_bytes(_TAG, "little") + bytes(_POINTER)
        argument = WriteReadArgument(self._free_memory, command, read_size=0)
        self._free_memory += argument.size
        self.operations += [
            Write(argument.address, argument.memory),
            Store(argument.read_buffer - _POINTER, Stored(buffer)),
            SystemCall("ioctl", self._descriptor, BinderIoctl.BINDER_WRITE_READ, argument.address),
        ]
        self._freeing = len(self.operations) - 1

    def exchanged(self, results: Sequence[OperationResult]) -> list[Exchanged]:
        """What each exchange did that was begun."""
        done = []
        for position in self._exchanges:
            if position < len(results):
                ioctl, answer, read = results[position : position + 3]
                argument = BinderWriteRead.unpack(answer.checked().data)
                content = read.checked().data[: argument.read_consumed]
                done.append(Exchanged(ioctl.errno, argument.write_consumed, content))
        return done

    def content(self, results: Sequence[OperationResult]) -> Content | None:
        """The content of the awaited record; None where something else came, or it is too large."""
        if self._content is None or len(results) < self._content + 2:
            return None
        data, offsets = (result.checked().data for result in results[self._content : self._content + 2])
        freed = self._freeing is not None and len(results) > self._freeing
        if freed and results[-1].errno:
            raise OSError(results[-1].errno, f"BC_FREE_BUFFER: {errno.errorcode[results[-1].errno]}")
        return Content(data, struct.unpack(f"<{len(offsets) // 8}Q", offsets), freed)


def scratch_size(commands: bytes, read_size: int) -> int:
    """Bytes of memory that the largest trip with these takes: two exchanges, and one that frees."""
    return 3 * BinderWriteRead.sizeof() + len(commands) + 2 * read_size + _TAG + _POINTER
