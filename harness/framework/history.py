"""The outcome of broadcasts and bindings, parsed from `dumpsys activity`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.device.device import Device

_RECORD = re.compile(r"\s*Historical Broadcast (?:\S+ )?#\d+:")
_HEADING = re.compile(r"\s*BroadcastRecord\{(?:\S+ )?u-?\d+ (?P<action>\S+)\} to user (?P<user>-?\d+)")
_DELIVERY = re.compile(
    r"\s*(?P<state>Pending|Deliver|Skipped|Timeout|Failure|\?+)\s+(?:\S+ )?#\d+: (?P<receiver>.*)"
)
_BINDING = re.compile(r"\s*\* IntentBindRecord\{.*")
_SERVICE = re.compile(r"\s*\* ServiceRecord\{.* (?P<name>[^\s}]+)\}")


class DeliveryState(StrEnum):
    """The outcome of a broadcast at one receiver (BroadcastRecord.java, dump; Failure: at the stand-in)."""

    PENDING = "Pending"
    DELIVERED = "Deliver"
    SKIPPED = "Skipped"
    TIMEOUT = "Timeout"
    FAILURE = "Failure"
    UNKNOWN = "???????"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receiver of a broadcast."""

    state: DeliveryState
    receiver: str
    """The receiver as the activity manager names it."""


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """A finished broadcast. Without deliveries there was no receiver."""

    action: str
    user: int
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class BindRecord:
    """One binding of a service: what onBind returned for one Intent, and how many processes share it."""

    service: str
    requested: bool
    """Whether onBind was called."""
    received: bool
    """Whether it has returned."""
    clients: int


def parse_broadcasts(dump: str) -> tuple[BroadcastRecord, ...]:
    """The broadcasts in `dumpsys activity broadcasts`, the last one first; other lines are skipped."""
    records: list[BroadcastRecord] = []
    for part in _RECORD.split(dump)[1:]:
        heading = _HEADING.match(part)
        if heading is None:
            continue
        deliveries = tuple(
            Delivery(_state(found["state"]), found["receiver"])
            for line in part.splitlines()
            if (found := _DELIVERY.fullmatch(line))
        )
        records.append(BroadcastRecord(heading["action"], int(heading["user"]), deliveries))
    return tuple(records)


def parse_services(dump: str) -> tuple[BindRecord, ...]:
    """The bindings in `dumpsys activity services`; other lines are skipped."""
    records: list[BindRecord] = []
    service = ""
    for line in dump.splitlines():
        if found := _SERVICE.fullmatch(line):
            service = found["name"]
        elif _BINDING.fullmatch(line):
            records.append(BindRecord(service, requested=False, received=False, clients=0))
        elif records and "requested=" in line:
            last = records.pop()
            records.append(
                BindRecord(last.service, "requested=true" in line, "received=true" in line, last.clients)
            )
        elif records and "* Client AppBindRecord" in line:
            last = records.pop()
            records.append(BindRecord(last.service, last.requested, last.received, last.clients + 1))
    return tuple(records)


def broadcast_history(device: Device) -> tuple[BroadcastRecord, ...]:
    """The broadcasts in the activity manager's history, the last one first."""
    return parse_broadcasts(device.shell("dumpsys activity broadcasts"))


def service_bindings(device: Device) -> tuple[BindRecord, ...]:
    """The current bindings."""
    return parse_services(device.shell("dumpsys activity services"))


def _state(text: str) -> DeliveryState:
    return DeliveryState.UNKNOWN if text.startswith("?") else DeliveryState(text)
