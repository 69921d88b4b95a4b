"""Pages of a ring buffer, made as kernel/trace/ring_buffer.c fills them."""

from __future__ import annotations

import struct
from collections.abc import Iterable

EXTENDED = 1 << 27
"""The first difference of times that does not fit a record's heading (TS_MASK)."""


def page_of(start: int, records: Iterable[tuple[int, bytes]], *, missed: bool = False) -> bytes:
    """A page of 4096 bytes with these records: time, and content of whole words."""
    content, now = b"", start
    for time, data in records:
        delta = time - now
        if delta >= EXTENDED:
            content += struct.pack("<II", 30 | (delta % EXTENDED) << 5, delta // EXTENDED)
            delta = 0
        words = len(data) // 4
        if 1 <= words <= 28:
            content += struct.pack("<I", words | delta << 5) + data
        else:
            content += struct.pack("<II", delta << 5, len(data) + 4) + data
        now = time
    header = struct.pack("<QQ", start, len(content) | (1 << 31 if missed else 0))
    return (header + content).ljust(4096, b"\0")
