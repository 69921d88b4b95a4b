"""What became of broadcasts and bindings, from `dumpsys activity`, and broadcasts sent from the shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emulator.deadline import Deadline
from emulator.errors import HarnessError, UsageError
from harness.framework.bundle import Long, Value
from harness.framework.intent import Intent

if TYPE_CHECKING:
    from harness.device import Device

_RECORD = re.compile(r"\s*Historical Broadcast (?:\S+ )?#\d+:")
_HEADING = re.compile(r"\s*BroadcastRecord\{(?:\S+ )?u-?\d+ (?P<action>\S+)\} to user (?P<user>-?\d+)")
_DELIVERY = re.compile(
    r"\s*(?P<state>Pending|Deliver|Skipped|Timeout|Failure|\?+)\s+(?:\S+ )?#\d+: (?P<receiver>.*)"
)
_BINDING = re.compile(r"\s*\* IntentBindRecord\{.*")
_SERVICE = re.compile(r"\s*\* ServiceRecord\{.* (?P<name>[^\s}]+)\}")
_COMPLETED = re.compile(r'Broadcast completed: result=(-?\d+)(?:, data="(.*?)")?')


class DeliveryState(StrEnum):
    """What became of a broadcast at one receiver (BroadcastRecord.java, dump; Failure: at the stand-in)."""

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
    """A broadcast that is over. Without deliveries there was no receiver."""

    action: str
    user: int
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class BindRecord:
    """One binding of a service: what onBind returned for one Intent, and how many processes share it."""

    service: str
    requested: bool
    """Whether onBind was asked for."""
    received: bool
    """Whether it has answered."""
    clients: int


@dataclass(frozen=True, slots=True)
class ShellResult:
    """What `cmd activity broadcast` printed in the end."""

    code: int
    data: str | None


def parse_broadcasts(dump: str) -> tuple[BroadcastRecord, ...]:
    """The broadcasts in `dumpsys activity broadcasts`, the last one first; other lines are passed over."""
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
    """The bindings in `dumpsys activity services`; other lines are passed over."""
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
    """The broadcasts the activity manager remembers, the last one first."""
    return parse_broadcasts(device.shell("dumpsys activity broadcasts"))


def service_bindings(device: Device) -> tuple[BindRecord, ...]:
    """The bindings there are."""
    return parse_services(device.shell("dumpsys activity services"))


def shell_broadcast(device: Device, intent: Intent, *, deadline: Deadline | None = None) -> ShellResult:
    """Send an ordered broadcast by `cmd activity broadcast` and wait for its end; works on every release.

    Raises UsageError for an extra that the command has no option for, HarnessError where it fails.
    """
    command = ["cmd", "activity", "broadcast", *_options(intent)]
    printed = device.shell(command, deadline=deadline)
    completed = _COMPLETED.search(printed)
    if completed is None:
        raise HarnessError(f"`{' '.join(command)}` does not say that the broadcast was completed: {printed}")
    return ShellResult(int(completed[1]), completed[2])


def _options(intent: Intent) -> list[str]:
    values = {
        "-a": intent.action,
        "-d": intent.data,
        "-t": intent.type,
        "-p": intent.package,
        "-n": intent.component,
    }
    options = [word for option, value in values.items() if value is not None for word in (option, str(value))]
    for category in intent.categories:
        options += ["-c", category]
    for key, extra in (intent.extras or {}).items():
        options += [_EXTRA_OPTIONS.get(type(extra)) or _refuse(key, extra), key, _shown(extra)]
    return options


_EXTRA_OPTIONS: Mapping[type, str] = {str: "--es", bool: "--ez", int: "--ei", Long: "--el"}


def _refuse(key: str, extra: Value) -> str:
    raise UsageError(f"the shell cannot send {key}={extra!r}: only texts, truth values and whole numbers")


def _shown(extra: Value) -> str:
    return str(extra).lower() if isinstance(extra, bool) else str(extra)


def _state(text: str) -> DeliveryState:
    return DeliveryState.UNKNOWN if text.startswith("?") else DeliveryState(text)
