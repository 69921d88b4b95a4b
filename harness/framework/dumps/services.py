"""Bound services, parsed from `dumpsys activity services` of Android 4 to 16.

Forms: ServiceRecord.toString, IntentBindRecord.dumpInService and ActiveServices.dumpServicesLocked in
frameworks/base/services/core/java/com/android/server/am.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from harness.kernel.parsing import numbered_lines

_BINDING = re.compile(r"\s*\* IntentBindRecord\{.*")
_SERVICE = re.compile(r"\s*\* ServiceRecord\{\S+ (?:u-?\d+ )?(?P<name>[^\s}]+)[^}]*\}.*")
"""HASH uUSER NAME; Android 14 and later add `c:CLIENT`, and before 4.2 there is no user."""


@dataclass(frozen=True, slots=True)
class BindRecord:
    """One binding of a service: what onBind returned for one Intent, and how many processes share it."""

    service: str
    requested: bool
    """Whether onBind was called."""
    received: bool
    """Whether it has returned."""
    clients: int
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


def parse_services(dump: str, *, first_line: int = 1) -> tuple[BindRecord, ...]:
    """The bindings in `dumpsys activity services`; other lines are skipped."""
    records: list[BindRecord] = []
    service = ""
    for number, line in numbered_lines(dump):
        if found := _SERVICE.fullmatch(line):
            service = found["name"]
        elif _BINDING.fullmatch(line):
            records.append(BindRecord(service, False, False, 0, number + first_line - 1))
        elif records and "requested=" in line:
            requested, received = "requested=true" in line, "received=true" in line
            records.append(replace(records.pop(), requested=requested, received=received))
        elif records and "* Client AppBindRecord" in line:
            last = records.pop()
            records.append(replace(last, clients=last.clients + 1))
    return tuple(records)
