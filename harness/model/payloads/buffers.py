"""The buffers in a process's mapping: best fit, rounding, and the half that one-way calls may take."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from harness.model.records import Buffer, Mapping
from harness.model.steps import WORD, rounded

SPAM_COUNT = 50
"""More one-way buffers of one sender than this are suspect: debug_low_async_space_locked."""


def occupied(data_size: int, offsets_size: int, extra_size: int) -> int:
    """Bytes that a buffer takes; an empty one takes a word, so that each has its address."""
    return max(rounded(data_size) + rounded(offsets_size) + rounded(extra_size), WORD)


def allocate(
    mapping: Mapping, data_size: int, offsets_size: int, extra_size: int, *, one_way: bool, sender: int
) -> Buffer | int:
    """A buffer, or -ENOSPC, or -ESRCH if nothing is mapped. binder_alloc_new_buf_locked."""
    if not mapping.size:
        return -errno.ESRCH
    size = occupied(data_size, offsets_size, extra_size)
    if one_way and mapping.one_way_space < size:
        return -errno.ENOSPC
    candidates = best_fits(mapping, size)
    if not candidates:
        return -errno.ENOSPC
    buffer = candidates[mapping.choose(len(candidates))]
    if buffer.size > size:
        mapping.buffers.insert(
            mapping.buffers.index(buffer) + 1, Buffer(buffer.offset + size, buffer.size - size)
        )
        buffer.size = size
    buffer.free = buffer.may_be_freed = False
    buffer.data_size, buffer.offsets_size, buffer.extra_size = data_size, offsets_size, extra_size
    buffer.one_way = one_way
    if mapping.counts_latest:
        buffer.sender = sender
    if one_way:
        mapping.one_way_space -= size
    buffer.is_spam = one_way and is_spam(mapping, sender)
    buffer.sender = sender
    return buffer


def best_fits(mapping: Mapping, size: int) -> Sequence[Buffer]:
    """The smallest free pieces that are large enough.

    Which of several is taken depends on how the kernel's tree of free pieces is balanced, so it is open.
    """
    fitting = [each for each in mapping.buffers if each.free and each.size >= size]
    best = min((each.size for each in fitting), default=0)
    return [each for each in fitting if each.size == best]


def is_spam(mapping: Mapping, sender: int) -> bool:
    """Whether a one-way call just allocated is the sender's first suspect one.

    Suspicion begins with less than a fifth of the one-way space left (debug_low_async_space_locked).
    Linux 6.12 looks before it records the sender of the latest buffer, and so counts it for whoever had its
    place before (binder_alloc_new_buf).
    """
    if mapping.one_way_space >= mapping.size // 10:
        mapping.spam_detected = False
        return False
    alike = [each for each in mapping.used if each.one_way and each.sender == sender]
    if len(alike) <= SPAM_COUNT and sum(each.size for each in alike) <= mapping.size // 4:
        return False
    first, mapping.spam_detected = not mapping.spam_detected, True
    return first


def find(mapping: Mapping, offset: int) -> Buffer | None:
    """The buffer that BC_FREE_BUFFER frees, once. binder_alloc_prepare_to_free_locked."""
    for buffer in mapping.used:
        if buffer.offset == offset and buffer.may_be_freed:
            buffer.may_be_freed = False
            return buffer
    return None


def free(mapping: Mapping, buffer: Buffer) -> None:
    """Free it, and join it with free neighbours: the first remains. binder_free_buf_locked."""
    if buffer.one_way:
        mapping.one_way_space += buffer.size
    buffer.free = True
    place = mapping.buffers.index(buffer)
    joined = [each for each in mapping.buffers[max(0, place - 1) : place + 2] if each.free]
    first = mapping.buffers.index(joined[0])
    joined[0].size = sum(each.size for each in joined)
    mapping.buffers[first : first + len(joined)] = joined[:1]
