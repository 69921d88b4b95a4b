"""A process on a device, with what the device shows of it."""

from __future__ import annotations

from typing import Protocol

from emulator.base.errors import HarnessError
from harness.agent.process import RemoteProcess
from harness.kernel.binder_debug.debug_files import BinderDebugFiles
from harness.kernel.files import LiveFiles
from harness.kernel.proc.maps import DetailedMapping, Maps
from harness.kernel.proc.process import ProcessFiles


class Records(Protocol):
    """A device, by what it shows."""

    @property
    def files(self) -> LiveFiles:
        """Its files, with the rights of adb's shell."""
        ...

    @property
    def binder(self) -> BinderDebugFiles:
        """The driver's debug files."""
        ...


class DeviceProcess(RemoteProcess):
    """A process on a device, with what the device's /proc shows of it."""

    device: Records

    def known_handles(self, context: str) -> frozenset[int] | None:
        """The handles that it has in a context, from the driver's debug files; None without those."""
        try:
            records = self.device.binder.process(self.pid).in_context(context)
        except (HarnessError, OSError):
            return None
        return frozenset(each.handle for each in records.references) if records.blocks else None

    @property
    def procfs(self) -> ProcessFiles:
        """Its directory in /proc, read with the rights of adb's shell."""
        return ProcessFiles(self.device.files, self.pid)

    @property
    def maps(self) -> Maps[DetailedMapping]:
        """Its mappings, from /proc/PID/smaps."""
        return self.procfs.maps
