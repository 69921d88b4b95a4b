"""Commands and objects of the model as the driver's bytes, and objects back from them."""

from __future__ import annotations

import struct

from harness.binder.abi import commands as bc
from harness.binder.abi.structures import FlatBinderFlag, FlatBinderObject, ObjectType, TransactionFlag
from harness.binder.abi.tagged import WORD
from harness.model.steps import (
    Binder,
    Command,
    Free,
    Handle,
    Nonsense,
    Object,
    Payload,
    Reply,
    Transact,
    Unsupported,
    size_of,
)

_OFFSETS_SIZE = 256
"""Bytes for the offsets, which come before the data."""
MOST_DATA = 24 * 1024
"""Bytes of data in one payload."""
PAYLOAD_SIZE = _OFFSETS_SIZE + MOST_DATA
"""Bytes of memory for one payload."""


def packed(command: Command, mapping: int, memory: int) -> tuple[bytes, bytes]:
    """A command as the process writes it, and what has to be in `memory`, where its payload is."""
    match command:
        case Transact(handle, code, flags, payload):
            carrier = bc.Transaction(target=handle, code=code, flags=TransactionFlag(flags))
            return _carrier(carrier, payload, memory), _content(payload)
        case Reply(code, flags, payload):
            answer = bc.Reply(code=code, flags=TransactionFlag(flags))
            return _carrier(answer, payload, memory), _content(payload)
        case Free(offset):
            return bc.FreeBuffer(mapping + offset).encode(), b""
        case Unsupported(code):
            return WORD.pack(code) + bytes(size_of(command) - WORD.size), b""
    return command.encode(), b""


def _carrier(command: bc.Transaction | bc.Reply, payload: Payload, memory: int) -> bytes:
    kind = type(command)
    return kind(
        target=command.target,
        code=command.code,
        flags=command.flags,
        data_size=payload.data_size,
        offsets_size=payload.offsets_size,
        buffer=memory + _OFFSETS_SIZE,
        offsets=memory,
    ).encode()


def _content(payload: Payload) -> bytes:
    """The offsets and the objects; what follows them has no meaning, and stays what it was."""
    if not payload.objects:
        return b""
    step = FlatBinderObject.sizeof()
    offsets = struct.pack(f"<{len(payload.objects)}Q", *range(0, step * len(payload.objects), step))
    return offsets.ljust(_OFFSETS_SIZE, b"\0") + b"".join(_object(each).pack() for each in payload.objects)


def _object(sent: Object) -> FlatBinderObject:
    match sent:
        case Binder(ptr, cookie, strong, flags):
            kind = ObjectType.BINDER_TYPE_BINDER if strong else ObjectType.BINDER_TYPE_WEAK_BINDER
            return FlatBinderObject(kind, FlatBinderFlag(flags), ptr, cookie)
        case Handle(handle, strong, flags):
            kind = ObjectType.BINDER_TYPE_HANDLE if strong else ObjectType.BINDER_TYPE_WEAK_HANDLE
            return FlatBinderObject(kind, FlatBinderFlag(flags), handle)
        case Nonsense():
            return FlatBinderObject(0)


def parsed_objects(data: bytes) -> tuple[Object, ...]:
    """The objects at the start of received data."""
    step = FlatBinderObject.sizeof()
    return tuple(_parsed(FlatBinderObject.unpack(data, at)) for at in range(0, len(data), step))


def _parsed(found: FlatBinderObject) -> Object:
    flags = int(found.flags)
    match found.type:
        case ObjectType.BINDER_TYPE_BINDER | ObjectType.BINDER_TYPE_WEAK_BINDER:
            return Binder(found.binder, found.cookie, found.type == ObjectType.BINDER_TYPE_BINDER, flags)
        case ObjectType.BINDER_TYPE_HANDLE | ObjectType.BINDER_TYPE_WEAK_HANDLE:
            return Handle(found.handle, found.type == ObjectType.BINDER_TYPE_HANDLE, flags)
    return Nonsense()
