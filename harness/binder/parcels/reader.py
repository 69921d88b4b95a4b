"""Reads the values in a received transaction's data, and never past its end."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

from emulator.base.printable import show
from harness.argument_types import checked_methods
from harness.binder.abi import objects
from harness.binder.abi.layout import Structure
from harness.binder.abi.objects import Node
from harness.binder.abi.structures import BinderBufferObject, BinderFdObject, FlatBinderObject, ObjectType
from harness.binder.errors import ParcelError, RemoteError
from harness.binder.parcels.fields import Fields, fields_read
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.placement import padding
from harness.binder.parcels.status import ExceptionCode
from harness.binder.parcels.wire_format import WireFormat

Kind = TypeVar("Kind", bound=Structure)


@checked_methods
@fields_read
class ParcelReader:
    """Received data and a read position; every read method advances it or raises ParcelError.

    `offsets` are those of the objects; `buffers` maps the addresses in buffer objects to their content.
    """

    def __init__(
        self,
        data: bytes,
        offsets: Sequence[int] = (),
        *,
        buffers: Mapping[int, bytes] | None = None,
        wire: WireFormat = WireFormat.ANDROID_13,
    ) -> None:
        self.data = data
        self.offsets = tuple(offsets)
        self.wire = wire
        self.position = 0
        self.fields = Fields()
        """What was read, in order."""
        self._buffers = buffers or {}

    @classmethod
    def of(cls, parcel: Parcel) -> Self:
        """Read the content of a parcel, from the sender's view."""
        return cls(parcel.data, parcel.offsets, wire=parcel.wire)

    def __repr__(self) -> str:
        shown = self.data[:64].hex(" ", 4) + (" …" if len(self.data) > 64 else "")
        return f"<ParcelReader at {self.position} of {len(self.data)}: {shown!r}>"

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return True  # an empty one is a reply, too

    def __bytes__(self) -> bytes:
        return self.data

    def show(self) -> None:
        """Print a line for each field that was read, as `Parcel.show` does, and one for the other bytes."""
        show(self.fields.text(self.data))

    @property
    def remaining(self) -> int:
        """Bytes not yet read."""
        return len(self.data) - self.position

    def _refuse(self, expected: str) -> ParcelError:
        return ParcelError(
            f"at byte {self.position} of {len(self.data)}: expected {expected}; "
            f"the bytes there are {self.data[self.position : self.position + 16].hex(' ', 4)!r}"
        )

    def raw(self, size: int, expected: str = "raw bytes") -> bytes:
        """`size` bytes, and skip their padding to 4; `expected` describes them in an error."""
        padded = size + padding(size, 4)
        if size < 0 or padded > self.remaining:
            raise self._refuse(f"{expected} of {padded} bytes where {self.remaining} are left")
        taken = self.data[self.position : self.position + size]
        self.position += padded
        return taken

    def int32(self) -> int:
        """4 bytes, signed."""
        return int.from_bytes(self.raw(4, "int32"), "little", signed=True)

    def uint32(self) -> int:
        """4 bytes."""
        return int.from_bytes(self.raw(4, "uint32"), "little")

    def int64(self) -> int:
        """8 bytes, signed."""
        return int.from_bytes(self.raw(8, "int64"), "little", signed=True)

    def uint64(self) -> int:
        """8 bytes."""
        return int.from_bytes(self.raw(8, "uint64"), "little")

    def float32(self) -> float:
        """AOSP's float."""
        (value,) = struct.unpack("<f", self.raw(4, "float"))
        return float(value)

    def float64(self) -> float:
        """AOSP's double."""
        (value,) = struct.unpack("<d", self.raw(8, "double"))
        return float(value)

    def boolean(self) -> bool:
        """AOSP's bool: any word except 0 is true."""
        return self.int32() != 0

    def byte(self) -> int:
        """AOSP's byte, the low 8 bits of a word, signed."""
        return int.from_bytes(self.raw(4, "byte")[:1], "little", signed=True)

    def char(self) -> str:
        """AOSP's char, the low 16 bits of a word."""
        return self.raw(4, "char")[:2].decode("utf-16-le", "surrogatepass")

    def _length(self, expected: str) -> int | None:
        """A length or count; None for -1, which means no value."""
        length = self.int32()
        if length < -1:
            self.position -= 4
            raise self._refuse(f"the length of {expected}, not {length}")
        return None if length == -1 else length

    def byte_array(self) -> bytes | None:
        """Bytes after their length."""
        length = self._length("a byte array")
        return None if length is None else self.raw(length, "a byte array")

    def int32_array(self) -> list[int] | None:
        """Numbers after their count."""
        return self._array("i", 4)

    def int64_array(self) -> list[int] | None:
        """Numbers after their count."""
        return self._array("q", 8)

    def _array(self, number_format: str, size: int) -> list[int] | None:
        count = self._length("an array")
        if count is None:
            return None
        return list(struct.unpack(f"<{count}{number_format}", self.raw(count * size, "an array")))

    def string8(self) -> str | None:
        """UTF-8 after its length in bytes."""
        return self._string("a UTF-8 string", 1, "utf-8")

    def string16(self) -> str | None:
        """UTF-16 after its length in units; lone surrogates are kept, as in Java."""
        return self._string("a UTF-16 string", 2, "utf-16-le")

    def _string(self, expected: str, unit: int, encoding: str) -> str | None:
        length = self._length(expected)
        if length is None:
            return None
        start = self.position
        encoded = self.raw((length + 1) * unit, expected)
        try:
            text = encoded.decode(encoding, "strict" if unit == 1 else "surrogatepass")
        except UnicodeDecodeError as error:
            self.position = start
            raise self._refuse(f"{expected} of {length} units ({error})") from error
        if not text.endswith("\0"):
            self.position = start
            raise self._refuse(f"{expected} of {length} units, ended by NUL")
        return text[:-1]

    def string16_array(self) -> list[str | None] | None:
        """Strings after their count."""
        count = self._length("an array of strings")
        return None if count is None else [self.string16() for _ in range(count)]

    def interface_token(self) -> str:
        """The name of the called interface, after the header words."""
        self.uint32()
        if self.wire.work_source:
            self.int32()
        if self.wire.header is not None:
            header = self.uint32()
            if header != self.wire.header:
                self.position -= 4
                raise self._refuse(
                    f"the header word {self.wire.header:#x} of {self.wire.name}'s interface token"
                )
        name = self.string16()
        if name is None:
            raise self._refuse("an interface name before this, not null")
        return name

    def check_exception(self) -> Self:
        """Skip the Status header of an AIDL reply; RemoteError if the method threw."""
        code = self.int32()
        if code == ExceptionCode.EX_HAS_STRICTMODE_REPLY_HEADER:
            self._skip_sized("StrictMode's reply header")
            return self
        if code == ExceptionCode.EX_NONE:
            return self
        if code == ExceptionCode.EX_HAS_NOTED_APPOPS_REPLY_HEADER:
            raise self._refuse("no header of noted app-ops before this: its layout depends on the release")
        text = self.string16()
        numbered = code == ExceptionCode.EX_SERVICE_SPECIFIC
        if self.remaining > (4 if numbered else 0):  # old releases have no stack trace
            self._skip_stack_trace()
        service_specific = self.int32() if numbered else 0
        raise RemoteError(code, text, service_specific=service_specific)

    def _skip_stack_trace(self) -> None:
        if self.int32() != 0:
            self.position -= 4
            self._skip_sized("the remote stack trace")

    def _skip_sized(self, expected: str) -> None:
        """Skip a block that starts with its own size in bytes."""
        size = self.int32()
        self.position -= 4
        self.raw(size, expected)

    def object(self, kind: type[Kind], expected: str) -> Kind:
        """The listed object at this position."""
        if self.position not in self.offsets:
            others = f"those are at {', '.join(map(str, self.offsets))}" if self.offsets else "there is none"
            raise self._refuse(f"{expected}, and of objects {others}")
        found = objects.object_at(self.data, self.position)
        if not isinstance(found, kind):
            raise self._refuse(f"{expected}, and the object is {found!r}")
        self.position += found.sizeof()
        return found

    def binder(self) -> Node | int | None:
        """A strong binder: a node of this process, another's handle, or None; skips its stability."""
        null = FlatBinderObject(ObjectType.BINDER_TYPE_BINDER)
        if self.position not in self.offsets and self.remaining >= null.sizeof():
            found = FlatBinderObject.unpack(self.data, self.position)
            if (found.type, found.binder, found.cookie) == (null.type, 0, 0):
                self.position += found.sizeof()
                self._skip_stability()
                return None
        found = self.object(FlatBinderObject, "a binder")
        self._skip_stability()
        match found.type:
            case ObjectType.BINDER_TYPE_BINDER:
                return Node(found.binder, found.cookie)
            case ObjectType.BINDER_TYPE_HANDLE:
                return found.handle
        raise self._refuse(f"a strong binder before this, not {found!r}")

    def _skip_stability(self) -> None:
        if self.wire.stability is not None:
            self.uint32()

    def handle(self) -> int:
        """A strong binder that is another process's."""
        start = self.position
        found = self.binder()
        if isinstance(found, int):
            return found
        self.position = start
        raise self._refuse(f"a handle, not {found!r}")

    def node(self) -> Node:
        """A strong binder of this process: the driver translates a handle back for the node's owner."""
        start = self.position
        found = self.binder()
        if isinstance(found, Node):
            return found
        self.position = start
        raise self._refuse(f"a node of this process, not {found!r}")

    def file_descriptor(self) -> int:
        """A descriptor, which the driver has opened in the receiving process; that has to close it."""
        return self.object(BinderFdObject, "a file descriptor").fd

    def parcel_file_descriptor(self) -> int:
        """An android.os.ParcelFileDescriptor without a channel for its status."""
        if self.int32() != 0:
            self.position -= 4
            raise self._refuse("a ParcelFileDescriptor without a status channel")
        return self.file_descriptor()

    def buffer(self) -> bytes:
        """The content of a buffer object, which the driver copied with the data."""
        start = self.position
        found = self.object(BinderBufferObject, "a buffer object")
        if found.buffer not in self._buffers:
            self.position = start
            raise self._refuse(f"a buffer whose content was read, not {found.buffer:#x}")
        return self._buffers[found.buffer]
