"""Encodes and parses the buffers of BINDER_WRITE_READ: sequences of codes, each with its parameter."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import ClassVar, TypeVar

from harness.binder.abi.layout import Structure, TruncatedStructureError
from harness.binder.errors import MalformedCommandsError

WORD = struct.Struct("<I")


class Tagged(Structure):
    """A structure that follows its own code."""

    __slots__ = ()
    TAG: ClassVar[IntEnum]

    def encode(self) -> bytes:
        """The code and the parameter, unaligned as the driver reads them."""
        return WORD.pack(self.TAG) + self.pack()


Kind = TypeVar("Kind", bound=Tagged)


def by_tag(kinds: Iterable[type[Kind]]) -> dict[int, type[Kind]]:
    """A table for `parse`."""
    return {int(kind.TAG): kind for kind in kinds}


def parse(buffer: bytes, kinds: Mapping[int, type[Kind]]) -> list[Kind]:
    """All entries of a buffer in order; MalformedCommandsError has the offset and the bytes there."""
    found: list[Kind] = []
    offset = 0
    while offset < len(buffer):
        if len(buffer) - offset < WORD.size:
            raise MalformedCommandsError(f"at byte {offset}: no complete code; {_there(buffer, offset)}")
        (tag,) = WORD.unpack_from(buffer, offset)
        kind = kinds.get(tag)
        if kind is None:
            raise MalformedCommandsError(
                f"at byte {offset}: unknown code {tag:#010x} (type {chr(tag >> 8 & 0xFF)!r}, "
                f"number {tag & 0xFF}, {tag >> 16 & 0x3FFF} bytes of parameter); {_there(buffer, offset)}"
            )
        try:
            found.append(kind.unpack(buffer, offset + WORD.size))
        except TruncatedStructureError as error:
            raise MalformedCommandsError(
                f"at byte {offset}: {kind.TAG.name} ends early: {error}; {_there(buffer, offset)}"
            ) from error
        offset += WORD.size + kind.sizeof()
    return found


def _there(buffer: bytes, offset: int) -> str:
    return f"the bytes are {buffer[offset : offset + 16].hex(' ', 4)!r}"
