"""The outcome of broadcasts and bindings on a device, from `dumpsys activity`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.argument_types import checked
from harness.framework.dumps.broadcasts import BroadcastRecord, parse_broadcasts
from harness.framework.dumps.services import BindRecord, parse_services

if TYPE_CHECKING:
    from harness.device.device import Device


@checked
def broadcast_history(device: Device) -> tuple[BroadcastRecord, ...]:
    """The broadcasts in the activity manager's history, the last one first."""
    return parse_broadcasts(device.shell("dumpsys activity broadcasts"))


@checked
def service_bindings(device: Device) -> tuple[BindRecord, ...]:
    """The current bindings."""
    return parse_services(device.shell("dumpsys activity services"))
