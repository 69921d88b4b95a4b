"""/proc/kpageflags and /proc/kpagecount: what a physical frame is used for, and how often it is mapped."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

from harness.kernel.files import Files

KPAGEFLAGS_PATH = "/proc/kpageflags"
KPAGECOUNT_PATH = "/proc/kpagecount"

_ENTRY = struct.Struct("<Q")


class FrameFlag(IntFlag):
    """The bits of an entry of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h, Linux 6.12)."""

    LOCKED = 1 << 0
    ERROR = 1 << 1
    REFERENCED = 1 << 2
    UPTODATE = 1 << 3
    DIRTY = 1 << 4
    LRU = 1 << 5
    """On one of the lists by which the kernel reclaims page cache and anonymous memory."""
    ACTIVE = 1 << 6
    SLAB = 1 << 7
    """Belongs to the slab allocator, which serves kmalloc."""
    WRITEBACK = 1 << 8
    RECLAIM = 1 << 9
    BUDDY = 1 << 10
    """Free."""
    MMAP = 1 << 11
    """Mapped by a process."""
    ANON = 1 << 12
    SWAPCACHE = 1 << 13
    SWAPBACKED = 1 << 14
    COMPOUND_HEAD = 1 << 15
    COMPOUND_TAIL = 1 << 16
    HUGE = 1 << 17
    UNEVICTABLE = 1 << 18
    HWPOISON = 1 << 19
    NOPAGE = 1 << 20
    KSM = 1 << 21
    THP = 1 << 22
    OFFLINE = 1 << 23
    ZERO_PAGE = 1 << 24
    IDLE = 1 << 25
    PGTABLE = 1 << 26


@dataclass(frozen=True, slots=True)
class Frame:
    """One physical page frame."""

    number: int
    flags: FrameFlag
    """Includes bits without a name in this module."""
    mappings: int
    """How many page table entries of processes refer to it."""

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The flags by name, in the order of their bits."""
        return tuple(flag.name for flag in FrameFlag if flag in self.flags and flag.name)


def read_frames(files: Files, numbers: Iterable[int]) -> tuple[Frame, ...]:
    """The kernel's flags and map counts of these frames (numbered as in pagemap); needs root.

    Raises OSError, and EOFError for a number beyond the end of memory.
    """
    return tuple(
        Frame(
            number, FrameFlag(_entry(files, KPAGEFLAGS_PATH, number)), _entry(files, KPAGECOUNT_PATH, number)
        )
        for number in numbers
    )


def _entry(files: Files, path: str, frame: int) -> int:
    data = files.read_at(path, frame * _ENTRY.size, _ENTRY.size)
    if len(data) != _ENTRY.size:
        raise EOFError(f"{path}: {len(data)} of {_ENTRY.size} bytes for frame {frame:#x}")
    (entry,) = _ENTRY.unpack(data)
    return int(entry)
