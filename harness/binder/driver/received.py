"""A buffer that the driver filled in the receiver's mapping, until the receiver frees it."""

from __future__ import annotations

import struct
from typing import Self

from harness.binder.abi import commands, objects
from harness.binder.abi.structures import BinderBufferObject, BinderTransactionData, TransactionFlag
from harness.binder.driver.ioctls import ThreadIoctls
from harness.binder.driver.one_trip import Content
from harness.binder.parcels.placement import padding
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat


class ReceivedBuffer:
    """The buffer of a received transaction or reply: addresses in the receiver, sizes in bytes.

    A context manager: its end frees the buffer with BC_FREE_BUFFER.
    """

    def __init__(
        self, ioctls: ThreadIoctls, received: BinderTransactionData, content: Content | None = None
    ) -> None:
        """`content` is a copy of the data that came together with the record."""
        self.address = received.buffer
        self.data_size = received.data_size
        self.offsets_address = received.offsets
        self.offsets_size = received.offsets_size
        self.flags = TransactionFlag(received.flags)
        self._file = ioctls.file
        self._ioctls = ioctls
        self._content = content
        self._file.held[self.address] = sum(
            size + padding(size, 8) for size in (self.data_size, self.offsets_size)
        )

    def __repr__(self) -> str:
        return f"<ReceivedBuffer {self.data_size} bytes at {self.address:#x}, flags {self.flags!r}>"

    def read(self) -> tuple[bytes, tuple[int, ...]]:
        """The data as it was received, and the offsets of its objects."""
        if self._content is not None:
            return self._content.data, self._content.offsets
        memory = self._file.process.memory
        packed = memory.read(self.offsets_address, self.offsets_size)
        return memory.read(self.address, self.data_size), struct.unpack(f"<{len(packed) // 8}Q", packed)

    def reader(self, wire: WireFormat = WireFormat.ANDROID_13) -> ParcelReader:
        """A copy of the data and of all its buffer objects, which outlives this buffer."""
        data, offsets = self.read()
        memory = self._file.process.memory
        buffers = {
            found.buffer: memory.read(found.buffer, found.length)
            for found in objects.all_objects(data, offsets)
            if isinstance(found, BinderBufferObject)
        }
        return ParcelReader(data, offsets, buffers=buffers, wire=wire)

    @property
    def freed(self) -> bool:
        """Whether it was freed."""
        return self.address not in self._file.held

    def released(self) -> commands.FreeBuffer:
        """The command that frees it, for a caller who writes it together with others."""
        self._file.held.pop(self.address, None)
        return commands.FreeBuffer(self.address)

    def free_by(self, ioctls: ThreadIoctls) -> None:
        """Have another thread free it: the one that received it may then wait in the driver."""
        self._ioctls = ioctls

    def free(self) -> None:
        """Free it; does nothing the second time."""
        if not self.freed:
            self._ioctls.write_read(self.released().encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()
