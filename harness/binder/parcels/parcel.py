"""Writes the data of a transaction as libbinder does, in the format of the receiver's Android release."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Self

from emulator.base.errors import UsageError
from emulator.base.printable import show
from harness.argument_types import checked_methods
from harness.binder.abi.layout import Structure
from harness.binder.abi.objects import LIBBINDER_FLAGS, Node
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdArrayObject,
    BinderFdObject,
    BufferFlag,
    FlatBinderFlag,
    FlatBinderObject,
    ObjectType,
)
from harness.binder.errors import RemoteError
from harness.binder.parcels.fields import Fields, fields_written
from harness.binder.parcels.placement import PlacedParcel, padding, placed, with_later_parents
from harness.binder.parcels.status import ExceptionCode
from harness.binder.parcels.wire_format import WireFormat

UNSET_WORK_SOURCE = -1


@checked_methods
@fields_written
class Parcel:
    """Data and objects of one transaction, written in order; every writer returns the parcel.

    All values take a multiple of 4 bytes (Parcel.cpp, pad_size); numbers out of range raise struct.error.
    `len()` is the number of bytes, `bytes()` the data; parcels of the same content are equal; `+` joins two.
    """

    def __init__(self, wire: WireFormat = WireFormat.ANDROID_13) -> None:
        self.wire = wire
        self.fields = Fields()
        """What was written, in order."""
        self._data = bytearray()
        self._offsets: list[int] = []
        self._buffers: dict[int, bytes] = {}

    def __repr__(self) -> str:
        return f"<Parcel {bytes(self._data).hex(' ', 4)!r}, objects at {self._offsets!r}>"

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True  # an empty one is a parcel, too

    def __bytes__(self) -> bytes:
        return self.data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parcel) and self._content() == other._content()

    __hash__ = None  # type: ignore[assignment]  # more may be written

    def __add__(self, other: Parcel) -> Parcel:
        if not isinstance(other, Parcel):
            return NotImplemented
        if other.wire is not self.wire:
            raise UsageError(f"A parcel of {other.wire.name} does not continue one of {self.wire.name}.")
        joined = Parcel(self.wire)
        for part in (self, other):
            start, objects = joined.size, len(joined._offsets)
            joined.fields.add(part.fields.all, at=start)
            joined._offsets += [start + offset for offset in part._offsets]
            joined._buffers |= {start + offset: content for offset, content in part._buffers.items()}
            joined._data += with_later_parents(part.data, part.offsets, objects)
        return joined

    def _content(self) -> tuple[object, ...]:
        return self.wire, self._data, self._offsets, self._buffers

    def show(self) -> None:
        """Print a line for each field: its offset in bytes, the method that wrote it, and the value."""
        show(self.fields.text(self.data))

    @property
    def data(self) -> bytes:
        """The bytes written so far; buffer objects have no address yet."""
        return bytes(self._data)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return len(self._data)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The offsets of the listed objects."""
        return tuple(self._offsets)

    def raw(self, data: bytes) -> Self:
        """Bytes without a length, padded to 4."""
        self._data += data + bytes(padding(len(data), 4))
        return self

    def _number(self, number_format: str, value: float) -> Self:
        self._data += struct.pack(number_format, value)
        return self

    def int32(self, value: int) -> Self:
        """4 bytes, signed."""
        return self._number("<i", value)

    def uint32(self, value: int) -> Self:
        """4 bytes."""
        return self._number("<I", value)

    def int64(self, value: int) -> Self:
        """8 bytes, signed, aligned to 4 only."""
        return self._number("<q", value)

    def uint64(self, value: int) -> Self:
        """8 bytes, aligned to 4 only."""
        return self._number("<Q", value)

    def float32(self, value: float) -> Self:
        """AOSP's float."""
        return self._number("<f", value)

    def float64(self, value: float) -> Self:
        """AOSP's double."""
        return self._number("<d", value)

    def boolean(self, value: bool) -> Self:
        """AOSP's bool, 4 bytes."""
        return self.int32(int(value))

    def byte(self, value: int) -> Self:
        """AOSP's signed byte, 4 bytes."""
        struct.pack("<b", value)
        return self.int32(value)

    def char(self, value: str) -> Self:
        """AOSP's char, one UTF-16 unit in 4 bytes."""
        (unit,) = struct.unpack("<H", value.encode("utf-16-le", "surrogatepass"))
        return self.int32(unit)

    def byte_array(self, value: bytes | None) -> Self:
        """A length of 4 bytes (-1 for None) and the bytes, padded."""
        return self.int32(-1) if value is None else self.int32(len(value)).raw(value)

    def int32_array(self, values: Sequence[int] | None) -> Self:
        """A count of 4 bytes (-1 for None) and the numbers."""
        return self.int32(-1) if values is None else self._array("i", values)

    def int64_array(self, values: Sequence[int] | None) -> Self:
        """A count of 4 bytes (-1 for None) and the numbers."""
        return self.int32(-1) if values is None else self._array("q", values)

    def _array(self, number_format: str, values: Sequence[int]) -> Self:
        return self.int32(len(values)).raw(struct.pack(f"<{len(values)}{number_format}", *values))

    def string8(self, value: str | None) -> Self:
        """A length in bytes (-1 for None), UTF-8, a NUL that is not counted, padded."""
        if value is None:
            return self.int32(-1)
        encoded = value.encode()
        return self.int32(len(encoded)).raw(encoded + b"\0")

    def string16(self, value: str | None) -> Self:
        """A length in UTF-16 units (-1 for None), the units, a NUL that is not counted, padded."""
        if value is None:
            return self.int32(-1)
        encoded = value.encode("utf-16-le", "surrogatepass")
        return self.int32(len(encoded) // 2).raw(encoded + b"\0\0")

    def string16_array(self, values: Sequence[str | None] | None) -> Self:
        """A count of 4 bytes (-1 for None) and the strings."""
        if values is None:
            return self.int32(-1)
        self.int32(len(values))
        for value in values:
            self.string16(value)
        return self

    def interface_token(self, interface: str) -> Self:
        """The start of every AIDL call's data: the release's header words and the interface name."""
        self.uint32(self.wire.strict_mode)
        if self.wire.work_source:
            self.int32(UNSET_WORK_SOURCE)
        if self.wire.header is not None:
            self.uint32(self.wire.header)
        return self.string16(interface)

    def no_exception(self) -> Self:
        """The start of the reply of an AIDL method that returned."""
        return self.int32(ExceptionCode.EX_NONE)

    def exception(self, error: RemoteError) -> Self:
        """The whole reply of an AIDL method that threw, with an empty remote stack trace (Status.cpp)."""
        self.int32(error.code).string16(error.text or "").int32(0)
        if error.code == ExceptionCode.EX_SERVICE_SPECIFIC:
            self.int32(error.service_specific)
        elif error.code == ExceptionCode.EX_PARCELABLE:
            self.int32(0)
        return self

    def object(self, value: Structure, *, listed: bool = True) -> Self:
        """Any object; an unlisted one is plain data to the driver. Only 4-byte alignment is required."""
        if listed:
            self._offsets.append(len(self._data))
        return self.raw(value.pack())

    def _stability(self, word: int | None) -> Self:
        return self if word is None else self.uint32(word)

    def node(self, node: Node, *, flags: FlatBinderFlag = LIBBINDER_FLAGS) -> Self:
        """A strong binder of this process, and its stability if the wire format has one."""
        local = FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, flags, node.ptr, node.cookie)
        return self.object(local)._stability(self.wire.stability)

    def handle(self, handle: int) -> Self:
        """A strong binder of another process, and its stability if the wire format has one."""
        remote = FlatBinderObject(ObjectType.BINDER_TYPE_HANDLE, LIBBINDER_FLAGS, handle)
        return self.object(remote)._stability(self.wire.stability)

    def null_binder(self) -> Self:
        """No binder: an object that is not listed, and undeclared stability."""
        null = FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, LIBBINDER_FLAGS)
        return self.object(null, listed=False)._stability(self.wire.null_stability)

    def weak_node(self, node: Node, *, flags: FlatBinderFlag = LIBBINDER_FLAGS) -> Self:
        """A weak binder of this process; libbinder wrote them up to Android 10, never with a stability."""
        return self.object(FlatBinderObject(ObjectType.BINDER_TYPE_WEAK_BINDER, flags, node.ptr, node.cookie))

    def weak_handle(self, handle: int) -> Self:
        """A weak binder of another process."""
        return self.object(FlatBinderObject(ObjectType.BINDER_TYPE_WEAK_HANDLE, LIBBINDER_FLAGS, handle))

    def file_descriptor(self, descriptor: int) -> Self:
        """A descriptor of the sending process; the receiver gets its own for the same open file."""
        return self.object(BinderFdObject(ObjectType.BINDER_TYPE_FD, 0, descriptor))

    def parcel_file_descriptor(self, descriptor: int) -> Self:
        """An android.os.ParcelFileDescriptor without a channel for its status."""
        return self.int32(0).file_descriptor(descriptor)

    def buffer(self, content: bytes, *, parent: int | None = None, parent_offset: int = 0) -> Self:
        """Memory that the driver copies with the data (scatter-gather, BINDER_TYPE_PTR).

        `parent` is the index of an object of this parcel, from 0; the driver writes the copy's address into
        that buffer at `parent_offset`. The C driver refuses a parent at the start of the data (EINVAL): its
        binder_validate_fixup() takes offset 0 to mean "no buffer yet".
        """
        self._buffers[len(self._data)] = content
        flags = BufferFlag(0) if parent is None else BufferFlag.BINDER_BUFFER_FLAG_HAS_PARENT
        return self.object(
            BinderBufferObject(
                ObjectType.BINDER_TYPE_PTR,
                flags,
                length=len(content),
                parent=parent or 0,
                parent_offset=parent_offset,
            )
        )

    def descriptor_array(self, count: int, *, parent: int, parent_offset: int = 0) -> Self:
        """Declares `count` 32-bit file descriptors inside the buffer object `parent` (BINDER_TYPE_FDA)."""
        return self.object(BinderFdArrayObject(ObjectType.BINDER_TYPE_FDA, 0, count, parent, parent_offset))

    @property
    def placed_size(self) -> int:
        """Bytes that `place` needs."""
        contents = (self._data, *self._buffers.values())
        return 8 * len(self._offsets) + sum(len(content) + padding(len(content), 8) for content in contents)

    def place(self, address: int) -> PlacedParcel:
        """Lay out data, offsets and buffers from `address` on, each padded to 8 bytes."""
        return placed(self.data, self._offsets, self._buffers, address)
