"""Finds where the kernel itself sees a byte of a process's memory: at another address than the process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.experiments.instruments.frames import frames_behind
from harness.kernel.proc.kcore import Kcore, Segment

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess


class KernelAddresses:
    """The kernel's own mapping of all memory, from the headers of /proc/kcore, which are read once."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._kcore = Kcore(device.files)

    def of(self, process: DeviceProcess, address: int) -> int | None:
        """The kernel's address of a byte; None where no frame is behind it, or the device hides which."""
        facts = self._device.facts
        if not facts.pagemap or not facts.kcore:
            return None
        behind = frames_behind(self._device, process, address, 1)
        if not behind:
            return None
        (frame,) = behind.values()
        return kernel_address(self._kcore.segments, address, frame, page_size=process.page_size)


def kernel_address(segments: Sequence[Segment], address: int, frame: int, *, page_size: int) -> int | None:
    """The kernel's address of the byte that a process has at `address`, in that frame, if it has one.

    What was once part of the kernel's image is in two segments: that of the image is the smaller one.
    """
    physical = frame * page_size + address % page_size
    found = [
        (segment.size, segment.virtual_address + position - segment.offset)
        for segment in segments
        if (position := segment.position(physical, 1)) is not None
    ]
    return max(found)[1] if found else None
