"""Finds where the kernel itself sees a byte of a process's memory: at another address than the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.experiments.mapping.frames import frames_behind
from harness.kernel.proc.kcore import Kcore

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
        return self._of_physical(frame * process.page_size + address % process.page_size)

    def _of_physical(self, address: int) -> int | None:
        found = [
            (segment.size, segment.virtual_address + position - segment.offset)
            for segment in self._kcore.segments
            if (position := segment.position(address, 1)) is not None
        ]
        # What was once part of the kernel's image is in two segments: that of the image is the smaller one.
        return max(found)[1] if found else None
