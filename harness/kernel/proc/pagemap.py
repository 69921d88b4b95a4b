"""/proc/PID/pagemap: which physical frame backs each page of a process."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from emulator.base.errors import HarnessError
from harness.kernel.files import Files

PM_ENTRY_BYTES = 8
PM_PFRAME_MASK = (1 << 55) - 1
_SWAP_TYPE_BITS = 5


class PageFlag(IntFlag):
    """The flag bits of an entry (kernel: PM_* in fs/proc/task_mmu.c)."""

    SOFT_DIRTY = 1 << 55
    MMAP_EXCLUSIVE = 1 << 56
    UFFD_WP = 1 << 57
    GUARD_REGION = 1 << 58
    FILE = 1 << 61
    SWAP = 1 << 62
    PRESENT = 1 << 63


class FrameHiddenError(HarnessError, PermissionError):
    """The kernel shows that a page is present, but hides its frame number."""


class FrameAbsentError(HarnessError, LookupError):
    """The page has no frame: it was never accessed, was reclaimed, or is swapped out."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a process and its entry in pagemap."""

    address: int
    """The page's first address in the process."""
    entry: int
    """The 64 bits as read."""

    @property
    def flags(self) -> PageFlag:
        """The entry without the frame number; includes bits without a name in this module."""
        return PageFlag(self.entry & ~PM_PFRAME_MASK)

    @property
    def present(self) -> bool:
        """Whether the page has a frame now."""
        return PageFlag.PRESENT in self.flags

    @property
    def swapped(self) -> bool:
        """Whether the page is swapped out."""
        return PageFlag.SWAP in self.flags

    @property
    def soft_dirty(self) -> bool:
        """Whether the page was written since 4 was last written to clear_refs."""
        return PageFlag.SOFT_DIRTY in self.flags

    @property
    def exclusive(self) -> bool:
        """Whether this is the frame's only mapping."""
        return PageFlag.MMAP_EXCLUSIVE in self.flags

    @property
    def file_or_shared(self) -> bool:
        """Whether the page belongs to a file or to shared anonymous memory."""
        return PageFlag.FILE in self.flags

    @property
    def swap_location(self) -> tuple[int, int] | None:
        """The swap area's number and the offset in it, in pages; None if not swapped out."""
        if not self.swapped:
            return None
        location = self.entry & PM_PFRAME_MASK
        return location & ((1 << _SWAP_TYPE_BITS) - 1), location >> _SWAP_TYPE_BITS

    @property
    def frame(self) -> int:
        """The frame number; times the page size, the physical address.

        Raises FrameAbsentError if the page is not present, FrameHiddenError if the number is hidden.
        """
        if not self.present:
            raise FrameAbsentError(f"page {self.address:#x} has no frame now: access it first")
        number = self.entry & PM_PFRAME_MASK
        if number == 0:
            raise FrameHiddenError(
                f"page {self.address:#x} is present, but its frame number is hidden (0): since Linux 4.2 "
                "only readers with CAP_SYS_ADMIN see it. Run as root on the device (adb root)"
            )
        return number


def read_pagemap(files: Files, pid: int, address: int, size: int, *, page_size: int) -> tuple[Page, ...]:
    """The entry of every page that contains one of the `size` bytes at `address`.

    Raises EOFError if the file ends early, as it does beyond the end of the user address space.
    """
    first = address // page_size
    count = (address + size + page_size - 1) // page_size - first
    path = f"/proc/{pid}/pagemap"
    data = files.read_at(path, first * PM_ENTRY_BYTES, count * PM_ENTRY_BYTES)
    if len(data) != count * PM_ENTRY_BYTES:
        raise EOFError(
            f"{path}: {len(data)} of {count * PM_ENTRY_BYTES} bytes for {size} bytes at {address:#x}"
        )
    entries = struct.unpack(f"<{count}Q", data)
    return tuple(Page((first + index) * page_size, entry) for index, entry in enumerate(entries))


def frames(files: Files, pid: int, address: int, size: int, *, page_size: int) -> dict[int, int]:
    """The frame number of each present page in a range, by the page's address.

    Raises FrameHiddenError if the kernel hides the numbers from this reader.
    """
    pages = read_pagemap(files, pid, address, size, page_size=page_size)
    return {page.address: page.frame for page in pages if page.present}
