"""Ask a device about Binder: open one, start processes on it, and see what the kernel shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.binder import Binder, Parcel
    from harness.device.device import Device, open_device
    from harness.recording.record import record_transactions

__all__ = ["Binder", "Device", "Parcel", "open_device", "record_transactions"]

_HOMES = {
    "Binder": "harness.binder",
    "Parcel": "harness.binder",
    "Device": "harness.device.device",
    "open_device": "harness.device.device",
    "record_transactions": "harness.recording.record",
}


def __getattr__(name: str) -> object:
    # pytest imports this package for its plugin in every run of its users: only what is asked for is loaded.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no {name}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
