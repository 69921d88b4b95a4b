"""The physical frames behind a range of a process's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.kernel.proc.pagemap import frames

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess


def frames_behind(device: Device, process: DeviceProcess, address: int, size: int) -> dict[int, int]:
    """The frame number of each page present in a range of a process, by the page's address."""
    return frames(device.files, process.pid, address, size, page_size=process.page_size)
