"""The service manager's names, parsed from `service list` and `dumpsys -l`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.kernel.parsing import numbered_lines

_SERVICE = re.compile(r"\s*\d+\s+(?P<name>\S.*?): \[(?P<interface>[^\]]*)\]\s*")
"""frameworks/native/cmds/service/service.cpp."""
_RUNNING = re.compile(r"Currently running services:\s*")
_NAME = re.compile(r"  (?P<name>\S+)(?: \(skipped\))?\s*")
"""frameworks/native/cmds/dumpsys/dumpsys.cpp."""


@dataclass(frozen=True, slots=True)
class ListedService:
    """A registered service."""

    name: str
    interface: str
    """What it answers to INTERFACE_TRANSACTION; empty where it does not answer, or was not asked."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


def parse_service_list(text: str, *, first_line: int = 1) -> tuple[ListedService, ...]:
    """The services that either command lists; other lines are skipped."""
    services: list[ListedService] = []
    running = False
    for number, line in numbered_lines(text):
        if match := _SERVICE.fullmatch(line):
            services.append(ListedService(match["name"], match["interface"], number + first_line - 1))
        elif _RUNNING.fullmatch(line):
            running = True
        elif running and (match := _NAME.fullmatch(line)):
            services.append(ListedService(match["name"], "", number + first_line - 1))
        else:
            running = False
    return tuple(services)
