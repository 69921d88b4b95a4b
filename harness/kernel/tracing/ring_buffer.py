"""Splits the pages of the kernel's ring buffer into records: the binary form in which a trace costs least.

A page is what one read(2) of per_cpu/cpuN/trace_pipe_raw returns (kernel/trace/ring_buffer.c and
include/linux/ring_buffer.h, Linux 5.4 to 6.18; 64-bit kernels, little-endian).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PAGE_SIZE = 4096
"""Bytes that one read(2) has to ask for at least: a page; larger pages of the processor need more."""

_HEADER = struct.Struct("<QQ")
"""struct buffer_data_page: the time of the first record, then the bytes of all records with flags."""
_MISSED_EVENTS = 1 << 31
_COMMITTED = (1 << 20) - 1
"""The bytes' part of that word: above any page's size, below the flags."""
_WORD = struct.Struct("<I")
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
"""Kinds of records that are not data (enum ring_buffer_type); lower ones are the length in words."""
_DELTA_BITS = 27

Record = tuple[int, bytes]
"""The time in nanoseconds, and the event as its format describes it."""


def missed_events(page: bytes) -> bool:
    """Whether events were overwritten before this page, since the last one that was read."""
    return bool(_HEADER.unpack_from(page)[1] & _MISSED_EVENTS)


def is_full(page: bytes) -> bool:
    """Whether more than half of a page is used: one that is read while it is being filled has less."""
    return bool(_HEADER.unpack_from(page)[1] & _COMMITTED > (len(page) - _HEADER.size) // 2)


def records_of(page: bytes) -> Iterator[Record]:
    """The records of a page, in the order in which they were written; ValueError where it is none."""
    try:
        yield from _records(page)
    except struct.error as error:
        raise ValueError(f"a page of {len(page)} bytes ends within a record") from error


def _records(page: bytes) -> Iterator[Record]:
    time, commit = _HEADER.unpack_from(page)
    position = _HEADER.size
    end = position + (commit & _COMMITTED)
    if end > len(page):
        raise ValueError(f"a page of {len(page)} bytes is said to have {end}")
    word_at = _WORD.unpack_from
    while position < end:
        (heading,) = word_at(page, position)
        position += 4
        kind, delta = heading & 31, heading >> 5
        if kind == _TIME_EXTEND:
            time += delta + (word_at(page, position)[0] << _DELTA_BITS)
            position += 4
        elif kind == _TIME_STAMP:
            # The upper bits of an absolute time do not fit: they stay those of the time before.
            low = delta + (word_at(page, position)[0] << _DELTA_BITS)
            time = (time >> 59 << 59) | low
            position += 4
        elif kind == _PADDING:
            if delta == 0:
                return  # the rest of the page is empty
            time += delta
            position += max(4, word_at(page, position)[0])
        else:
            time += delta
            if kind:
                length = 4 * kind
            else:
                length = word_at(page, position)[0] - 4
                position += 4
            if length < 0 or position + length > end:
                raise ValueError(f"a record of {length} bytes at {position} does not fit its page")
            yield time, page[position : position + length]
            position += (length + 3) & ~3
