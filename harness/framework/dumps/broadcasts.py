"""The outcome of broadcasts, parsed from `dumpsys activity broadcasts` of Android 4 to 16.

Forms: BroadcastRecord.toString and dump, BroadcastQueue.dumpLocked, BroadcastHistory.dumpLocked in
frameworks/base/services/core/java/com/android/server/am.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.kernel.parsing import numbered_lines

_RECORD = re.compile(r"\s*(?P<kind>(?:\w+ )*?)Broadcast (?:\S+ )?#\d+:\s*")
_SECTION = re.compile(r"\s{0,2}\S.*:\s*")
_FROM_14 = re.compile(r"\s*BroadcastRecord\{\S+ (?P<action>.+)/u(?P<user>-?\d+)(?:/0x[0-9a-f]+)?\}.*")
"""ACTION/uUSER, from Android 16 on with flags; an Intent without an action stands whole for it."""
_TO_13 = re.compile(r"\s*BroadcastRecord\{(?:[0-9a-f]+ )?u(?P<user>-?\d+) (?P<action>.+?)\}.*")
_TO_4_1 = re.compile(r"\s*BroadcastRecord\{[0-9a-f]+ (?P<action>\S+)\}.*")
"""Before Android 4.2 there was but one user, 0."""
_DELIVERY = re.compile(
    r"\s*(?P<state>[A-Z][A-Za-z]+|\?+)\s+(?:\S+ +)*?#(?P<number>\d+): (?P<receiver>.*\S)\s*"
)
_QUEUE = re.compile(
    r"\s*[0-9a-f]+ (?P<process>(?:\d+|\?):\S+)/\S+ (?:runnable at \S+|not runnable) because "
    r"(?P<reason>.*\S)\s*"
)
"""A process's queue of Android 14 and later (BroadcastProcessQueue.dumpLocked)."""
_QUEUED = re.compile(r"\s+[-+\d]\S* [0-9a-f]+ (?P<action>.+)/u(?P<user>-?\d+)(?:/0x[0-9a-f]+)?\s*")
_QUEUED_FOR = re.compile(
    r"\s+(?P<state>[A-Z]+)(?: at \S+)?(?: [A-Z]+)? for (?P<receiver>(?:registered|manifest) .*\S)\s*"
)
_REASON = re.compile(r"\s+reason: (?P<reason>.*\S)\s*")


class DeliveryState(StrEnum):
    """The outcome of a broadcast at one receiver (BroadcastRecord.java, deliveryStateToString)."""

    PENDING = "Pending"
    DELIVERED = "Deliver"
    SKIPPED = "Skipped"
    TIMEOUT = "Timeout"
    FAILURE = "Failure"
    SCHEDULED = "Scheduled"
    """Sent to the receiver's process, which has not finished it (Android 14 and later)."""
    DEFERRED = "Deferred"
    """Waits until the receiver's process is thawed or in the foreground (Android 14 and later)."""
    UNKNOWN = "???????"
    """Not printed: before Android 5, and where the activity manager itself does not know it."""


_STATES = {state.upper(): state for state in DeliveryState} | {"DELIVERED": DeliveryState.DELIVERED}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receiver of a broadcast."""

    state: DeliveryState
    receiver: str
    """The receiver as the activity manager names it."""
    number: int | None = field(default=None, compare=False)
    """Its number in the list of receivers; None in the queue of a process."""
    reason: str | None = None
    """Why it was skipped or failed (Android 14 and later)."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """A broadcast. Without deliveries there was no receiver."""

    action: str
    """The whole Intent, where it has no action."""
    user: int
    deliveries: tuple[Delivery, ...]
    finished: bool = True
    """Whether it is of the history; the others are under way, pending or deferred."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True)
class Broadcasts:
    """The broadcasts of one dump, the last one first as it is printed, and the records that were not read."""

    records: tuple[BroadcastRecord, ...]
    unknown_lines: tuple[str, ...]


def parse_broadcasts(dump: str) -> tuple[BroadcastRecord, ...]:
    """The finished broadcasts in `dumpsys activity broadcasts`, the last one first."""
    return tuple(record for record in read_broadcasts(dump).records if record.finished)


def read_broadcasts(dump: str, *, first_line: int = 1) -> Broadcasts:
    """All broadcasts in a dump, those under way too; headings of unknown format are kept as unknown."""
    records: list[BroadcastRecord] = []
    unknown: list[str] = []
    finished: bool | None = None
    """Of the record whose heading was read and whose name comes next."""
    inside = False
    queue: re.Match[str] | None = None
    queued: re.Match[str] | None = None
    for number, line in numbered_lines(dump):
        if found_queue := _QUEUE.fullmatch(line):
            queue, queued, inside = found_queue, None, False
        elif queue and (found_queued := _QUEUED.fullmatch(line)):
            queued = found_queued
        elif queue and queued and (match := _QUEUED_FOR.fullmatch(line)):
            records.append(_waiting(queue, queued, match, number + first_line - 1))
            queued = None
        elif heading := _RECORD.fullmatch(line):
            finished, inside, queue = heading["kind"].strip() == "Historical", False, None
        elif finished is not None and line.lstrip().startswith("BroadcastRecord{"):
            if found := _named(line):
                records.append(BroadcastRecord(*found, (), finished, number + first_line - 1))
                inside = True
            else:
                unknown.append(line)
            finished = None
        elif inside and _SECTION.fullmatch(line):
            inside = False
        elif inside:
            records[-1] = _continued(records[-1], line, number + first_line - 1)
    return Broadcasts(tuple(records), tuple(unknown))


def _waiting(queue: re.Match[str], queued: re.Match[str], match: re.Match[str], line: int) -> BroadcastRecord:
    """A broadcast in the queue of one of its receivers' processes."""
    receiver = f"{match['receiver']} in {queue['process']}"
    state = _STATES.get(match["state"], DeliveryState.UNKNOWN)
    delivery = Delivery(state, receiver, reason=queue["reason"], line=line)
    return BroadcastRecord(queued["action"], int(queued["user"]), (delivery,), finished=False, line=line)


def _named(line: str) -> tuple[str, int] | None:
    for pattern in (_TO_13, _FROM_14, _TO_4_1):
        if match := pattern.fullmatch(line):
            return match["action"], int(match.groupdict().get("user") or 0)
    return None


def _continued(record: BroadcastRecord, line: str, number: int) -> BroadcastRecord:
    if match := _DELIVERY.fullmatch(line):
        state = _STATES.get(match["state"].upper())
        if (state is None and match["state"] == "Receiver") or match["state"].startswith("?"):
            state = DeliveryState.UNKNOWN
        if state is not None:
            delivery = Delivery(state, match["receiver"], int(match["number"]), line=number)
            return replace(record, deliveries=(*record.deliveries, delivery))
    if record.deliveries and (match := _REASON.fullmatch(line)):
        explained = replace(record.deliveries[-1], reason=match["reason"])
        return replace(record, deliveries=(*record.deliveries[:-1], explained))
    return record


def undelivered(records: tuple[BroadcastRecord, ...]) -> Iterator[tuple[BroadcastRecord, Delivery]]:
    """The deliveries that did not end well, or not yet."""
    for record in records:
        for delivery in record.deliveries:
            if delivery.state not in (DeliveryState.DELIVERED, DeliveryState.UNKNOWN):
                yield record, delivery
