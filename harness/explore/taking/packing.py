"""Commands and objects of the model as the driver's bytes, and objects back from them."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace

from harness.agent.operations import Write
from harness.binder.abi import commands as bc
from harness.binder.abi.layout import Structure
from harness.binder.abi.objects import object_at
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdArrayObject,
    BinderFdObject,
    BinderObjectHeader,
    BufferFlag,
    FlatBinderFlag,
    FlatBinderObject,
    ObjectType,
    TransactionFlag,
)
from harness.binder.abi.tagged import WORD
from harness.model.steps import (
    Binder,
    Command,
    Descriptor,
    DescriptorArray,
    Free,
    Handle,
    Nonsense,
    Object,
    Payload,
    Pointer,
    Reply,
    Transact,
    Unsupported,
    object_size,
    size_of,
)

NOT_OPEN = 9999
"""A descriptor that no process of a program has."""
_OFFSETS_SIZE = 256
"""Bytes for the offsets, which come before the data."""
MOST_DATA = 24 * 1024
"""Bytes of data in one payload."""
MOST_OBJECTS = 8
"""Objects in one payload whose memory has a place."""
MOST_POINTED = 1024
"""Bytes of the memory of one Pointer."""
PAYLOAD_SIZE = _OFFSETS_SIZE + MOST_DATA + MOST_OBJECTS * MOST_POINTED
"""Bytes of memory for one payload."""


def packed(command: Command, mapping: int, memory: int, descriptor: int) -> tuple[bytes, list[Write]]:
    """A command as the process writes it, and what has to be in `memory`, where its payload is.

    `descriptor` is one that the process has open.
    """
    match command:
        case Transact(handle, code, flags, payload):
            carrier = bc.Transaction(target=handle, code=code, flags=TransactionFlag(flags))
            return _carrier(carrier, payload, memory), _content(payload, memory, descriptor)
        case Reply(code, flags, payload):
            answer = bc.Reply(code=code, flags=TransactionFlag(flags))
            return _carrier(answer, payload, memory), _content(payload, memory, descriptor)
        case Free(offset):
            return bc.FreeBuffer(mapping + offset).encode(), []
        case Unsupported(code):
            return WORD.pack(code) + bytes(size_of(command) - WORD.size), []
    return command.encode(), []


def _carrier(command: bc.Transaction | bc.Reply, payload: Payload, memory: int) -> bytes:
    """The command, with the code and the size of scattered memory where some goes with it."""
    filled = replace(
        command,
        data_size=payload.data_size,
        offsets_size=payload.offsets_size,
        buffer=memory + _OFFSETS_SIZE,
        offsets=memory,
    )
    if not payload.is_scattered:
        return filled.encode()
    kind = bc.TransactionSg if isinstance(command, bc.Transaction) else bc.ReplySg
    return WORD.pack(kind.TAG) + filled.pack() + payload.extra_size.to_bytes(8, "little")


def _content(payload: Payload, memory: int, descriptor: int) -> list[Write]:
    """The offsets, the objects and the descriptors of arrays; the rest stays as it was."""
    objects = payload.objects
    if not objects:
        return []
    places = list(itertools.accumulate(map(object_size, objects), initial=0))[:-1]
    offsets = struct.pack(f"<{len(places)}Q", *places)
    packed_objects = b"".join(
        _object(each, _memory_of(memory, index), descriptor).pack() for index, each in enumerate(objects)
    )
    return [
        Write(memory, offsets.ljust(_OFFSETS_SIZE, b"\0") + packed_objects),
        *(
            Write(
                _memory_of(memory, each.parent) + each.parent_offset,
                WORD.pack(descriptor if each.is_open else NOT_OPEN) * each.count,
            )
            for each in objects
            if isinstance(each, DescriptorArray) and each.parent < MOST_OBJECTS
        ),
    ]


def _memory_of(memory: int, index: int) -> int:
    """Where the sender has the memory of the Pointer with this index."""
    return memory + _OFFSETS_SIZE + MOST_DATA + index * MOST_POINTED


def _object(sent: Object, memory: int, descriptor: int) -> Structure:
    match sent:
        case Binder(ptr, cookie, strong, flags):
            kind = ObjectType.BINDER_TYPE_BINDER if strong else ObjectType.BINDER_TYPE_WEAK_BINDER
            return FlatBinderObject(kind, FlatBinderFlag(flags), ptr, cookie)
        case Handle(handle, strong, flags):
            kind = ObjectType.BINDER_TYPE_HANDLE if strong else ObjectType.BINDER_TYPE_WEAK_HANDLE
            return FlatBinderObject(kind, FlatBinderFlag(flags), handle)
        case Descriptor(is_open):
            return BinderFdObject(ObjectType.BINDER_TYPE_FD, 0, descriptor if is_open else NOT_OPEN)
        case Pointer(size, _, parent, parent_offset):
            flags = BufferFlag(0) if parent is None else BufferFlag.BINDER_BUFFER_FLAG_HAS_PARENT
            return BinderBufferObject(
                ObjectType.BINDER_TYPE_PTR, flags, memory, size, parent or 0, parent_offset
            )
        case DescriptorArray(count, parent, parent_offset):
            return BinderFdArrayObject(ObjectType.BINDER_TYPE_FDA, 0, count, parent, parent_offset)
        case Nonsense():
            return FlatBinderObject(0)


def parsed_objects(data: bytes, mapping: int, most: int | None = None) -> tuple[Object, ...]:
    """The objects at the start of received data, at most so many."""
    found: list[Object] = []
    at = 0
    while at < len(data) and len(found) != most:
        each = object_at(data, at) if BinderObjectHeader.unpack(data, at).type else FlatBinderObject(0)
        found.append(_parsed(each, mapping))
        at += each.sizeof()
    return tuple(found)


def _parsed(found: Structure, mapping: int) -> Object:
    match found:
        case FlatBinderObject(ObjectType.BINDER_TYPE_BINDER | ObjectType.BINDER_TYPE_WEAK_BINDER):
            strong = found.type == ObjectType.BINDER_TYPE_BINDER
            return Binder(found.binder, found.cookie, strong, int(found.flags))
        case FlatBinderObject(ObjectType.BINDER_TYPE_HANDLE | ObjectType.BINDER_TYPE_WEAK_HANDLE):
            return Handle(found.handle, found.type == ObjectType.BINDER_TYPE_HANDLE, int(found.flags))
        case BinderFdObject():
            return Descriptor()
        case BinderBufferObject(_, flags, buffer, length, parent, parent_offset):
            has_parent = BufferFlag.BINDER_BUFFER_FLAG_HAS_PARENT in flags
            return Pointer(length, buffer - mapping, parent if has_parent else None, parent_offset)
        case BinderFdArrayObject(_, _, count, parent, parent_offset):
            return DescriptorArray(count, parent, parent_offset)
    return Nonsense()
