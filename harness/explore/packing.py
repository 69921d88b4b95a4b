"""Commands and objects of the model as the driver's bytes, and objects back from them."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace

from harness.binder.abi import commands as bc
from harness.binder.abi.layout import Structure
from harness.binder.abi.objects import object_at
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdObject,
    BinderObjectHeader,
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
PAYLOAD_SIZE = _OFFSETS_SIZE + MOST_DATA
"""Bytes of memory for one payload."""


def packed(command: Command, mapping: int, memory: int, descriptor: int) -> tuple[bytes, bytes]:
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
            return bc.FreeBuffer(mapping + offset).encode(), b""
        case Unsupported(code):
            return WORD.pack(code) + bytes(size_of(command) - WORD.size), b""
    return command.encode(), b""


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


def _content(payload: Payload, memory: int, descriptor: int) -> bytes:
    """The offsets and the objects; what follows them has no meaning, and stays what it was."""
    if not payload.objects:
        return b""
    places = list(itertools.accumulate(map(object_size, payload.objects), initial=0))[:-1]
    offsets = struct.pack(f"<{len(places)}Q", *places)
    packed_objects = b"".join(_object(each, memory, descriptor).pack() for each in payload.objects)
    return offsets.ljust(_OFFSETS_SIZE, b"\0") + packed_objects


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
        case Pointer(size):
            return BinderBufferObject(ObjectType.BINDER_TYPE_PTR, buffer=memory, length=size)
        case Nonsense():
            return FlatBinderObject(0)


def parsed_objects(data: bytes, mapping: int) -> tuple[tuple[Object, ...], list[int]]:
    """The objects at the start of received data, and the numbers of the descriptors among them."""
    found: list[Object] = []
    descriptors: list[int] = []
    at = 0
    while at < len(data):
        each = object_at(data, at) if BinderObjectHeader.unpack(data, at).type else FlatBinderObject(0)
        if isinstance(each, BinderFdObject):
            descriptors.append(each.fd)
        found.append(_parsed(each, mapping))
        at += each.sizeof()
    return tuple(found), descriptors


def _parsed(found: Structure, mapping: int) -> Object:
    match found:
        case FlatBinderObject(ObjectType.BINDER_TYPE_BINDER | ObjectType.BINDER_TYPE_WEAK_BINDER):
            strong = found.type == ObjectType.BINDER_TYPE_BINDER
            return Binder(found.binder, found.cookie, strong, int(found.flags))
        case FlatBinderObject(ObjectType.BINDER_TYPE_HANDLE | ObjectType.BINDER_TYPE_WEAK_HANDLE):
            return Handle(found.handle, found.type == ObjectType.BINDER_TYPE_HANDLE, int(found.flags))
        case BinderFdObject():
            return Descriptor()
        case BinderBufferObject(buffer=buffer, length=length):
            return Pointer(length, buffer - mapping)
    return Nonsense()
