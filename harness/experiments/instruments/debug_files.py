"""Figures of the driver's debug files for experiments, where the device shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.kernel.binder_debug.stats import ProcessStats

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess


def statistics_of(device: Device, process: DeviceProcess) -> ProcessStats | None:
    """The driver's counters for a process that has one binder device open; None where they are not shown."""
    if not device.facts.binder_debug:
        return None
    (statistics,) = device.binder.stats().of_process(process.pid)
    return statistics
