"""The events of a run: a type for each, one encoding, and one stream that every view reads.

They are sent as lines of JSON: on pytest's reports, through the pipe of a worker process, over a scheduler.
A view is a function of one event: the terminal's progress, the result document, a matrix's columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from harness.device.facts import Facts
from harness.experiments.core.json_values import from_json, to_json
from harness.experiments.core.result import Result
from harness.report.failure import Failure
from harness.report.matrix import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The run on a device begins, or begins again on another machine."""

    target: str
    where: str = ""
    """The machine; empty for this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of progress."""

    target: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A device has been opened."""

    target: str
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim has a result."""

    target: str
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A device could not be opened, or was lost."""

    target: str
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A process has judged the claim that another one named, and awaits the next."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run on a device is over; the column is the whole run."""

    target: str
    column: Column


Event = Started | Line | Opened | Judged | Failed | Ready | Ended
View = Callable[[Event], None]
"""Takes each event of a run as it happens; those of a matrix come from several threads."""

_KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Started, Line, Opened, Judged, Failed, Ready, Ended)
}


def encode(event: Event) -> str:
    """The event as one line of JSON: its kind, and its fields."""
    fields = to_json(event)
    assert isinstance(fields, dict)
    return json.dumps({"event": type(event).__name__.lower(), **fields})


def decode(line: str) -> Event:
    """The event that `encode` turned into this line; ValueError for any other line."""
    value = json.loads(line)
    name = value.pop("event", None) if isinstance(value, dict) else None
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"not an event of a run: {line[:80]}")
    return from_json(kind, value, where=f"the event {kind.__name__.lower()}")
