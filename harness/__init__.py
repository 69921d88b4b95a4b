"""Ask a device about Binder: open one, start processes on it, and see what the kernel shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.binder import Binder, Parcel
    from harness.device.device import Device, open_device
    from harness.device.facts import Facts, Need
    from harness.experiments.core.claim import Topic, claim
    from harness.experiments.core.figure import Figure
    from harness.experiments.core.finding import Finding, Verdict
    from harness.experiments.core.measurement import measurement
    from harness.experiments.core.source_documents import source_document
    from harness.recording.record import record_transactions

__all__ = [
    "Binder",
    "Device",
    "Facts",
    "Figure",
    "Finding",
    "Need",
    "Parcel",
    "Topic",
    "Verdict",
    "claim",
    "measurement",
    "open_device",
    "record_transactions",
    "source_document",
]

_HOMES = {
    "Binder": "harness.binder",
    "Parcel": "harness.binder",
    "Device": "harness.device.device",
    "open_device": "harness.device.device",
    "Facts": "harness.device.facts",
    "Need": "harness.device.facts",
    "Topic": "harness.experiments.core.claim",
    "claim": "harness.experiments.core.claim",
    "Figure": "harness.experiments.core.figure",
    "Finding": "harness.experiments.core.finding",
    "Verdict": "harness.experiments.core.finding",
    "measurement": "harness.experiments.core.measurement",
    "source_document": "harness.experiments.core.source_documents",
    "record_transactions": "harness.recording.record",
}


def __getattr__(name: str) -> object:
    # pytest imports this package for its plugin in every run of its users: only what is asked for is loaded.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no {name}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
