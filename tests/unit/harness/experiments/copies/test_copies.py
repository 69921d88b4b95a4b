"""The parts of the copying experiments that can go wrong without a device."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder import Parcel
from harness.device.device import Device, DeviceProcess
from harness.experiments.copies.copy_functions import BINDER_IN, Copied, Move
from harness.experiments.copies.kernel_address import KernelAddresses, kernel_address
from harness.experiments.copies.scatter_gather import BUFFER, Part, lay_out, taken_from
from harness.experiments.copies.transfers import Touched, Transfer
from harness.kernel.proc.kcore import Segment
from tests.support.fake_device import FACTS

PIECES = st.lists(st.tuples(st.binary(max_size=40), st.binary(min_size=1, max_size=40)), max_size=4)


@given(PIECES, st.binary(max_size=20), st.integers(0, 1 << 40).map(lambda page: page * 8))
def test_the_parts_of_a_parcel_are_all_that_is_sent_once_each(
    pieces: list[tuple[bytes, bytes]], tail: bytes, address: int
) -> None:
    parcel = Parcel()
    for data, buffer in pieces:
        parcel.raw(data).buffer(buffer)
    parcel.raw(tail)
    parts = lay_out(parcel, address)
    ends = [part.address + part.size for part in parts]
    assert [part.address for part in parts] == sorted(part.address for part in parts)
    assert all(end <= part.address for end, part in zip(ends, parts[1:], strict=False))
    assert [part.size for part in parts if part.what == BUFFER] == [len(buffer) for _, buffer in pieces]
    placed = parcel.place(address)
    others = sum(part.size for part in parts if part.what != BUFFER)
    assert others == placed.data_size + placed.offsets_size


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=8),
    st.integers(0, 60),
    st.integers(1, 60),
)
def test_what_was_taken_from_a_part_is_counted_byte_by_byte(
    moves: list[tuple[int, int]], start: int, size: int
) -> None:
    expected = sum(
        source <= byte < source + moved for byte in range(start, start + size) for source, moved in moves
    )
    taken = [Move(BINDER_IN.name, moved, source) for source, moved in moves]
    assert taken_from(Part("data", start, size), [*taken, Move("pipe_write", 9, None)]) == expected


def copied(size: int) -> Copied:
    return Copied((Move(BINDER_IN.name, size, None),), None, None)


def test_copies_are_counted_by_the_functions_else_by_the_byte_touched_most() -> None:
    touched = Touched((1, 2, 1), None, (0, 0, 0))
    transfer = Transfer("channel", 100, True, True, touched, copied(150), copied(100))
    assert transfer.per_byte == (1.5, 1)
    assert Transfer("channel", 100, True, True, touched).per_byte == (2, 0)


IMAGE = Segment(offset=0x1000, virtual_address=0xFFFF_8000_0000, physical_address=0x10_0000, size=0x20_0000)
MEMORY = Segment(offset=0x50_0000, virtual_address=0xFF00_0000, physical_address=0, size=0x4000_0000)
AREA = Segment(offset=0x90_0000, virtual_address=0xFFFF_C900_0000, physical_address=None, size=1 << 40)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [(0x12345, 0xFF00_0000 + 0x1234_5678), (0x101, 0xFF00_0000 + 0x10_1678), (0x5_0000, None)],
)
def test_the_kernel_s_address_is_that_of_its_map_of_all_memory(frame: int, expected: int | None) -> None:
    found = kernel_address((AREA, IMAGE, MEMORY), 0x7F00_0000_0678, frame, page_size=4096)
    assert found == expected


@pytest.mark.parametrize("facts", [{"pagemap": True}, {"kcore": True}])
def test_a_device_that_hides_frames_or_its_memory_gives_no_address(facts: dict[str, Any]) -> None:
    device = cast(Device, SimpleNamespace(facts=dataclasses.replace(FACTS, **facts), files=None))
    process = cast(DeviceProcess, SimpleNamespace(page_size=4096))
    assert KernelAddresses(device).of(process, 0x7F00_0000_0678) is None
