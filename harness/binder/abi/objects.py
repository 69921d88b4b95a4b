"""The objects in a transaction's data that the driver translates for the receiving process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.binder.abi.layout import Structure, TruncatedStructureError
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdArrayObject,
    BinderFdObject,
    BinderObjectHeader,
    FlatBinderFlag,
    FlatBinderObject,
    ObjectType,
)
from harness.binder.errors import ParcelError

LIBBINDER_FLAGS = FlatBinderFlag(0x13) | FlatBinderFlag.FLAT_BINDER_FLAG_ACCEPTS_FDS
"""libbinder's flags for its nodes: SCHED_OTHER, nice 19, descriptors accepted (Parcel.cpp, flattenBinder)."""

_KINDS: dict[int, type[Structure]] = {
    ObjectType.BINDER_TYPE_BINDER: FlatBinderObject,
    ObjectType.BINDER_TYPE_WEAK_BINDER: FlatBinderObject,
    ObjectType.BINDER_TYPE_HANDLE: FlatBinderObject,
    ObjectType.BINDER_TYPE_WEAK_HANDLE: FlatBinderObject,
    ObjectType.BINDER_TYPE_FD: BinderFdObject,
    ObjectType.BINDER_TYPE_FDA: BinderFdArrayObject,
    ObjectType.BINDER_TYPE_PTR: BinderBufferObject,
}


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the process itself: two words that the driver keeps and returns, and never interprets."""

    ptr: int
    cookie: int


def object_at(data: bytes, offset: int) -> Structure:
    """The object at an offset of `data`; ParcelError if there is none."""
    try:
        word = BinderObjectHeader.unpack(data, offset).type
        kind = _KINDS.get(word)
        if kind is None:
            raise ParcelError(f"at byte {offset} of {len(data)}: expected an object, found type {word:#010x}")
        return kind.unpack(data, offset)
    except TruncatedStructureError as error:
        raise ParcelError(f"at byte {offset} of {len(data)}: expected an object: {error}") from error


def all_objects(data: bytes, offsets: Sequence[int]) -> Iterator[Structure]:
    """Every listed object, in the order of the offsets."""
    return (object_at(data, offset) for offset in offsets)


def handles(data: bytes, offsets: Sequence[int]) -> list[int]:
    """The strong handles in the listed objects, one entry for each object."""
    return [
        found.handle
        for found in all_objects(data, offsets)
        if isinstance(found, FlatBinderObject) and found.type == ObjectType.BINDER_TYPE_HANDLE
    ]
