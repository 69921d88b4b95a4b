"""A buffer that the driver filled in the receiver's mapping, for as long as the receiver keeps it."""

from __future__ import annotations

import struct
from types import TracebackType
from typing import TYPE_CHECKING, Self

from harness.binder.abi import commands, objects
from harness.binder.abi.structures import BinderBufferObject, BinderTransactionData, TransactionFlag
from harness.binder.parcels.parcel import padding
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat

if TYPE_CHECKING:
    from harness.binder.driver_thread import DriverThread


class ReceivedBuffer:
    """Where a transaction or a reply lies: addresses in the receiver, sizes in bytes.

    A context manager: its end gives the buffer back with BC_FREE_BUFFER.
    """

    def __init__(self, thread: DriverThread, received: BinderTransactionData) -> None:
        self.address = received.buffer
        self.data_size = received.data_size
        self.offsets_address = received.offsets
        self.offsets_size = received.offsets_size
        self.flags = TransactionFlag(received.flags)
        self._thread = thread
        thread.file.held[self.address] = sum(
            size + padding(size, 8) for size in (self.data_size, self.offsets_size)
        )

    def __repr__(self) -> str:
        return f"<ReceivedBuffer {self.data_size} bytes at {self.address:#x}, flags {self.flags!r}>"

    def read(self) -> tuple[bytes, tuple[int, ...]]:
        """The data, and the offsets of its objects."""
        memory = self._thread.file.process.memory
        packed = memory.read(self.offsets_address, self.offsets_size)
        return memory.read(self.address, self.data_size), struct.unpack(f"<{len(packed) // 8}Q", packed)

    def reader(self, wire: WireFormat = WireFormat.ANDROID_13) -> ParcelReader:
        """A copy of the data and of all its buffer objects, which outlives this buffer."""
        data, offsets = self.read()
        memory = self._thread.file.process.memory
        buffers = {
            found.buffer: memory.read(found.buffer, found.length)
            for found in objects.all_objects(data, offsets)
            if isinstance(found, BinderBufferObject)
        }
        return ParcelReader(data, offsets, buffers=buffers, wire=wire)

    @property
    def freed(self) -> bool:
        """Whether it was given back."""
        return self.address not in self._thread.file.held

    def released(self) -> commands.FreeBuffer:
        """The command that gives it back, for whoever sends it along with others."""
        self._thread.file.held.pop(self.address, None)
        return commands.FreeBuffer(self.address)

    def detach(self) -> None:
        """Be independent of the thread that received it, which may go on to wait for the driver."""
        self._thread = self._thread.spare()

    def free(self) -> None:
        """Give it back; nothing where that was done."""
        if not self.freed:
            self._thread.write_read(self.released().encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.free()
