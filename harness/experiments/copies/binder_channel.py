"""Binder as a channel: a call, cut where the other ways have their system call at either end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import HarnessError
from harness.agent.operations import SystemCall
from harness.binder import Pair
from harness.binder.abi import commands, returns
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.ioctls import READ_SIZE
from harness.experiments.copies.channels import Channel
from harness.experiments.copies.copy_functions import (
    BINDER_BACK,
    BINDER_IN,
    BINDER_WITHIN,
    RUST_IN,
    CopyFunction,
)
from harness.experiments.instruments.non_blocking import drain, exchange, only

if TYPE_CHECKING:
    from harness.device.device import DeviceProcess


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


class BufferElsewhereError(HarnessError):
    """The driver put a payload elsewhere than where the experiment looked for it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the receiver's ioctl announced a payload."""

    bytes_read: int
    """What the ioctl read: the commands alone, or the payload with them."""
    address: int
    """Where in the receiver's memory the payload lies."""


class BinderChannel(Channel):
    """Calls from the client of a pair to its context manager; neither of the two waits for the driver.

    The destination is the start of the receiver's mapping: the driver takes the lowest part of the smallest
    free piece that is large enough, and each transfer is over before the next (binder_alloc_new_buf_locked).
    """

    name = "Binder"
    functions: tuple[CopyFunction, ...] = (BINDER_IN, BINDER_WITHIN, BINDER_BACK)
    capacity = 256 * 1024

    def __init__(self, pair: Pair[DeviceProcess], *, in_rust: bool = False) -> None:
        super().__init__(pair.client_process, pair.server_process)
        if in_rust:
            self.functions = (RUST_IN,)
        self._pair = pair
        self.destination = pair.server.mapping
        self._to_write, self._to_read = (
            process.memory.allocate(process.page_size).address for process in (self.sender, self.receiver)
        )
        self.arrivals: list[Arrival] = []
        """Of the payloads, transfer by transfer."""
        for end in (pair.client, pair.server):  # the driver logs an error for other threads that read
            exchange(end, commands.EnterLooper())

    def send(self, size: int) -> SystemCall:
        """BINDER_WRITE_READ that only writes: BC_TRANSACTION."""
        command = commands.Transaction(data_size=size, buffer=self.source).encode()
        argument = WriteReadArgument(self._to_write, command, read_size=0)
        self.sender.memory.write(argument.address, argument.memory)
        return self._ioctl(self._pair.client.descriptor, self._to_write)

    def receive(self, size: int) -> SystemCall:  # noqa: ARG002
        """BINDER_WRITE_READ that only reads: BR_TRANSACTION."""
        argument = WriteReadArgument(self._to_read, b"", READ_SIZE)
        self.receiver.memory.write(argument.address, argument.memory)
        return self._ioctl(self._pair.server.descriptor, self._to_read)

    def finish(self) -> None:
        """Free the payload, answer the call with nothing, and free the answer.

        Raises BufferElsewhereError where the payload does not lie at the destination.
        """
        memory, start = self.receiver.memory, BinderWriteRead.sizeof()
        size = BinderWriteRead.unpack(memory.read(self._to_read, start)).read_consumed
        received = returns.parse(memory.read(self._to_read + start, size))
        address = only(returns.Transaction, received).buffer
        self.arrivals.append(Arrival(size, address))
        exchange(self._pair.server, commands.FreeBuffer(address), commands.Reply())
        drain(self._pair.server)
        reply = only(returns.Reply, drain(self._pair.client))
        exchange(self._pair.client, commands.FreeBuffer(reply.buffer))
        if address != self.destination:
            raise BufferElsewhereError(
                f"the driver put a payload at {address:#x}; it was looked for at {self.destination:#x}."
            )

    def _ioctl(self, descriptor: int, argument: int) -> SystemCall:
        return SystemCall("ioctl", descriptor, BinderIoctl.BINDER_WRITE_READ, argument)
