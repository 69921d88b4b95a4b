"""Entries of /proc/kpageflags and /proc/kpagecount, composed here."""

from __future__ import annotations

import struct

import pytest

from harness.kernel.proc.frame_flags import KPAGECOUNT_PATH, KPAGEFLAGS_PATH, FrameFlag, read_frames
from tests.support.fake_files import FakeFiles

MAPPED = 1 << 11
UNKNOWN = 1 << 40
FILES = FakeFiles(
    {
        KPAGEFLAGS_PATH: struct.pack("<4Q", 0, 1 << 10, MAPPED | UNKNOWN, 1 << 3 | 1 << 5 | MAPPED),
        KPAGECOUNT_PATH: struct.pack("<4Q", 0, 0, 1, 7),
    }
)


def test_flags_and_mappings_of_the_frames_asked_for_in_that_order() -> None:
    cached, own = read_frames(FILES, [3, 2])
    assert (cached.number, cached.mappings) == (3, 7)
    assert cached.flags == FrameFlag.UPTODATE | FrameFlag.LRU | FrameFlag.MMAP
    assert cached.flag_names == ("UPTODATE", "LRU", "MMAP")
    assert (own.number, own.mappings) == (2, 1)


def test_bits_without_a_name_are_kept() -> None:
    (frame,) = read_frames(FILES, [2])
    assert int(frame.flags) == MAPPED | UNKNOWN
    assert frame.flag_names == ("MMAP",)


def test_a_frame_beyond_the_end_of_memory() -> None:
    with pytest.raises(EOFError, match="frame 0x4"):
        read_frames(FILES, [4])
