"""Reads the .rc files of Android's init: which services it restarts when another one dies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_CONTINUED_LINE = re.compile(r"\\\n\s*")
_SECTIONS = ("on", "service", "import")
_DEFAULT_CLASS = ("default",)


@dataclass(frozen=True, slots=True)
class InitService:
    """A `service` section of an .rc file (system/core/init/README.md)."""

    name: str
    program: str
    classes: tuple[str, ...]
    on_restart: tuple[tuple[str, ...], ...]
    """The commands that follow its death, split into words: `restart NAME`, `class_restart CLASS`, …"""


def parse_init_file(text: str) -> tuple[InitService, ...]:
    """The services that one .rc file declares; everything else in it is skipped."""
    lines = [line.split() for line in _CONTINUED_LINE.sub(" ", text).splitlines()]
    return tuple(_services([words for words in lines if words and not words[0].startswith("#")]))


def _services(lines: list[list[str]]) -> Iterator[InitService]:
    starts = [number for number, words in enumerate(lines) if words[0] in _SECTIONS]
    for start, end in pairwise([*starts, len(lines)]):
        match lines[start]:
            case ["service", name, program, *_]:
                options = lines[start + 1 : end]
                classes = [tuple(words[1:]) for words in options if words[0] == "class"]
                commands = tuple(tuple(words[1:]) for words in options if words[0] == "onrestart")
                yield InitService(name, program, classes[-1] if classes else _DEFAULT_CLASS, commands)


def restarted_with(name: str, services: Iterable[InitService]) -> frozenset[str]:
    """The services that init restarts when the one of that name dies, by name or as members of a class.

    The restart of each of them is followed in turn.
    """
    services = tuple(services)
    restarted: set[str] = set()
    dying = {name}
    while dying:
        commands = [
            command for service in services if service.name in dying for command in service.on_restart
        ]
        dying = (
            {victim for command in commands for victim in _victims(command, services)} - restarted - {name}
        )
        restarted |= dying
    return frozenset(restarted)


def _victims(command: tuple[str, ...], services: tuple[InitService, ...]) -> set[str]:
    match command:
        case ["restart", *_, name]:
            return {name}
        case ["class_restart", *_, name]:
            return {service.name for service in services if name in service.classes}
    return set()
