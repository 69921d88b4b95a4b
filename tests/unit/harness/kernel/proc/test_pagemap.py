"""Frames of pages and the physical memory behind them, on made-up files and on this process."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.parsing import MalformedFileError
from harness.kernel.proc.kcore import Kcore, PhysicalMemoryError, Segment
from harness.kernel.proc.pagemap import (
    FrameAbsentError,
    FrameHiddenError,
    Page,
    PageFlag,
    frames,
    read_pagemap,
)
from tests.support.fake_files import FakeFiles, LocalFiles

PRESENT = PageFlag.PRESENT.value
PAGE = mmap.PAGESIZE


def fake_pagemap(*entries: int) -> FakeFiles:
    return FakeFiles({"/proc/7/pagemap": struct.pack(f"<{len(entries)}Q", *entries)})


@given(st.sampled_from([4096, 16384]), st.integers(0, 40), st.integers(1, 40), st.data())
def test_every_page_that_holds_a_byte_of_the_range(
    page_size: int, first: int, count: int, data: st.DataObject
) -> None:
    start = first * page_size + data.draw(st.integers(0, page_size - 1))
    end = (first + count - 1) * page_size + data.draw(st.integers(1, page_size))
    files = fake_pagemap(*range(PRESENT + 1000, PRESENT + 1100))
    pages = read_pagemap(files, 7, start, max(1, end - start), page_size=page_size)
    last = max(start, end - 1) // page_size
    assert [page.address for page in pages] == [page * page_size for page in range(first, last + 1)]
    assert [page.frame for page in pages] == list(range(1000 + first, 1001 + last))


def test_the_flags_of_an_entry() -> None:
    page = Page(0, PRESENT | PageFlag.SOFT_DIRTY | PageFlag.MMAP_EXCLUSIVE | 0x1234)
    assert (page.present, page.soft_dirty, page.exclusive) == (True, True, True)
    assert (page.swapped, page.file_or_shared, page.swap_location) == (False, False, None)
    assert page.frame == 0x1234
    assert Page(0, PageFlag.SWAP | 77 << 5 | 3).swap_location == (3, 77)


def test_only_present_pages_have_a_frame() -> None:
    files = fake_pagemap(0, PRESENT | 5, PageFlag.SWAP | 9)
    assert frames(files, 7, 0, 3 * PAGE, page_size=PAGE) == {PAGE: 5}
    absent, _, _ = read_pagemap(files, 7, 0, 3 * PAGE, page_size=PAGE)
    with pytest.raises(FrameAbsentError):
        _ = absent.frame


def test_a_hidden_frame_number_is_an_error() -> None:
    with pytest.raises(FrameHiddenError, match="CAP_SYS_ADMIN"):
        frames(fake_pagemap(PRESENT), 7, 0, PAGE, page_size=PAGE)


def test_a_pagemap_that_ends_early() -> None:
    with pytest.raises(EOFError, match="8 of 16 bytes"):
        read_pagemap(fake_pagemap(PRESENT | 1), 7, 0, 2 * PAGE, page_size=PAGE)


def test_this_process_s_frames() -> None:
    local = LocalFiles()
    with mmap.mmap(-1, 4 * PAGE) as memory:
        memory[PAGE] = 1
        memory[3 * PAGE] = 1
        view = ctypes.c_char.from_buffer(memory)
        address = ctypes.addressof(view)
        pages = read_pagemap(local, os.getpid(), address, len(memory), page_size=PAGE)
        del view
    assert [page.present for page in pages] == [False, True, False, True]
    if not pages[1].entry & 0xFFFF_FFFF:
        pytest.skip("this machine hides frame numbers: the tests do not run with CAP_SYS_ADMIN")
    assert pages[1].frame != pages[3].frame


LOW, HIGH = b"low memory here.", b"and high memory!"
RAM_VIRTUAL = 0xFFFF_8880_0000_0000
NOWHERE = (1 << 64) - 1


def core(segments: list[tuple[int, int, int, int]], contents: dict[int, bytes], kind: int = 4) -> bytes:
    """An ELF core with segments (offset, virtual, physical, size), as fs/proc/kcore.c writes it."""
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        kind,
        62,
        1,
        0,
        64,
        0,
        0,
        64,
        56,
        1 + len(segments),
        0,
        0,
        0,
    )
    note = struct.pack("<IIQQQQQQ", 4, 0, 0, 0, 0, 0, 0, 0)
    loads = [
        struct.pack("<IIQQQQQQ", 1, 7, offset, virtual, physical, size, size, PAGE)
        for offset, virtual, physical, size in segments
    ]
    image = bytearray(b"".join([header, note, *loads]).ljust(0x4000, b"\0"))
    for position, content in contents.items():
        image[position : position + len(content)] = content
    return bytes(image)


SEGMENTS = [
    (0x3F00, 0xFFFF_C900_0000_0000, NOWHERE, 0x100),  # vmalloc
    (0x1000, RAM_VIRTUAL + 0x1000, 0x1000, 0x1000),
    (0x2000, RAM_VIRTUAL + 0x4000_0000, 0x4000_0000, 0x1000),
]


def test_physical_memory_is_read_through_the_segment_that_holds_it() -> None:
    kcore = Kcore(FakeFiles({"/proc/kcore": core(SEGMENTS, {0x1010: LOW, 0x2FF0: HIGH})}))
    assert kcore.segments[0] == Segment(0x3F00, 0xFFFF_C900_0000_0000, None, 0x100)
    assert kcore.read_physical(0x1010, len(LOW)) == LOW
    assert kcore.read_physical(0x4000_0FF0, len(HIGH)) == HIGH


@pytest.mark.parametrize(("address", "size"), [(0xFFF, 2), (0x1FFF, 2), (0x4000_1000, 1), (NOWHERE, 1)])
def test_a_range_outside_every_segment(address: int, size: int) -> None:
    kcore = Kcore(FakeFiles({"/proc/kcore": core(SEGMENTS, {})}))
    with pytest.raises(PhysicalMemoryError, match="0x1000\\+0x1000, 0x40000000\\+0x1000"):
        kcore.read_physical(address, size)


def test_a_kernel_that_shows_no_physical_addresses() -> None:
    silent = [(offset, virtual, 0, size) for offset, virtual, _, size in SEGMENTS]
    kcore = Kcore(FakeFiles({"/proc/kcore": core(silent, {})}))
    with pytest.raises(PhysicalMemoryError, match="no physical addresses at all"):
        kcore.read_physical(0, 1)


@pytest.mark.parametrize("image", [core(SEGMENTS, {}, kind=2), b"\x7fELF\x01\x01".ljust(64, b"\0")])
def test_what_is_no_64_bit_core(image: bytes) -> None:
    with pytest.raises(MalformedFileError, match="/proc/kcore"):
        _ = Kcore(FakeFiles({"/proc/kcore": image})).segments


def test_a_core_that_ends_early() -> None:
    kcore = Kcore(FakeFiles({"/proc/kcore": core(SEGMENTS, {})[:0x2800]}))
    with pytest.raises(EOFError, match="0 of 4 bytes"):
        kcore.read_physical(0x4000_0F00, 4)


def test_a_core_whose_headers_have_another_size() -> None:
    image = bytearray(core(SEGMENTS, {}))
    image[54:56] = struct.pack("<H", 55)  # e_phentsize
    with pytest.raises(MalformedFileError, match="headers of 56 bytes"):
        _ = Kcore(FakeFiles({"/proc/kcore": bytes(image)})).segments
