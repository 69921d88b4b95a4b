"""What tests read of a program's file."""

from __future__ import annotations

import struct


def segments(executable: bytes) -> list[tuple[int, int, int]]:
    """The type, size in the file and alignment of each program header of a 64-bit ELF file."""
    (offset,) = struct.unpack_from("<Q", executable, 32)
    size, count = struct.unpack_from("<HH", executable, 54)
    headers = [struct.unpack_from("<II6Q", executable, offset + index * size) for index in range(count)]
    return [(header[0], header[5], header[7]) for header in headers]
