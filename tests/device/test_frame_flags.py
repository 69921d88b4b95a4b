"""What the device's kernel shows for frames whose use is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.device.device import Device, DeviceProcess
from harness.experiments.instruments.frames import frames_behind
from harness.kernel.proc.frame_flags import FrameFlag, read_frames

pytestmark = pytest.mark.requires("pagemap")


def test_a_page_of_a_process_s_own(device: Device, process: Callable[..., DeviceProcess]) -> None:
    owner = process()
    with owner.memory.allocate(owner.page_size) as page:
        page.write(0, b"present")
        behind = frames_behind(device, owner, page.address, page.size)
        (frame,) = read_frames(device.files, behind.values())
    assert frame.mappings == 1
    assert FrameFlag.ANON | FrameFlag.MMAP in frame.flags
    assert FrameFlag.SLAB not in frame.flags


def test_a_forked_child_maps_its_parent_s_frame_too(
    device: Device, process: Callable[..., DeviceProcess]
) -> None:
    owner = process()
    with owner.memory.allocate(owner.page_size) as page:
        page.write(0, b"present")
        behind = frames_behind(device, owner, page.address, page.size)
        with owner.fork():
            (shared,) = read_frames(device.files, behind.values())
        (alone,) = read_frames(device.files, behind.values())
    assert (shared.mappings, alone.mappings) == (2, 1)


def test_a_frame_beyond_the_end_of_memory(device: Device) -> None:
    with pytest.raises(EOFError):
        read_frames(device.files, [1 << 40])
