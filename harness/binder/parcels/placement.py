"""Lays a parcel out in its sender's memory, and one parcel's objects behind another's."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.binder.abi.objects import object_at
from harness.binder.abi.structures import BinderBufferObject, BinderFdArrayObject, BufferFlag


class PlacedParcel(NamedTuple):
    """A parcel laid out for an address of the sender; sizes in bytes, as in the transaction's fields."""

    memory: bytes
    data_size: int
    offsets_size: int
    offsets: int
    buffers_size: int


def padding(size: int, alignment: int) -> int:
    """How many bytes are missing for a multiple of `alignment`."""
    return -size % alignment


def placed(
    content: bytes, object_offsets: Sequence[int], contents: Mapping[int, bytes], address: int
) -> PlacedParcel:
    """Data, offsets and buffers from `address` on, each padded to 8 bytes.

    `contents` has that of each buffer object, by its offset.
    """
    if not object_offsets:
        memory = content + bytes(padding(len(content), 8))
        return PlacedParcel(memory, len(content), 0, address + len(memory), 0)
    data = bytearray(content)
    offsets = struct.pack(f"<{len(object_offsets)}Q", *object_offsets)
    offsets_start = len(data) + padding(len(data), 8)
    start = offsets_start + len(offsets)
    buffers = b""
    for position, content in contents.items():
        found = BinderBufferObject.unpack(bytes(data), position)
        located = replace(found, buffer=address + start + len(buffers))
        data[position : position + located.sizeof()] = located.pack()
        buffers += content + bytes(padding(len(content), 8))
    return PlacedParcel(
        memory=bytes(data) + bytes(offsets_start - len(data)) + offsets + buffers,
        data_size=len(data),
        offsets_size=len(offsets),
        offsets=address + offsets_start,
        buffers_size=len(buffers),
    )


def with_later_parents(content: bytes, offsets: Sequence[int], objects: int) -> bytes:
    """A parcel's data after so many objects of another: objects name their parents by index."""
    data = bytearray(content)
    for offset in offsets:
        found = object_at(content, offset)
        moved: BinderFdArrayObject | BinderBufferObject
        match found:
            case BinderFdArrayObject():
                moved = replace(found, parent=found.parent + objects)
            case BinderBufferObject(flags=flags) if BufferFlag.BINDER_BUFFER_FLAG_HAS_PARENT in flags:
                moved = replace(found, parent=found.parent + objects)
            case _:
                continue
        data[offset : offset + moved.sizeof()] = moved.pack()
    return bytes(data)
