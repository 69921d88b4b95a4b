"""Reads the .rc files of Android's init: which services it restarts when another one dies."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

_JOIN = r"\\\r?\n[ \t]*"
_TOKEN = re.compile(
    rf"[ \t\r]*(?:(?P<comment>#[^\n]*)|(?P<end>\n)|"
    rf"(?P<word>(?:{_JOIN}|\\.|\\|\"[^\"]*\"?|[^\s\"\\])+)|[^\S\n])"
)
_PIECE = re.compile(rf"(?P<joined>{_JOIN})|\\(?P<escaped>.)|\"(?P<quoted>[^\"]*)\"?")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_SECTIONS = ("on", "service", "import")
_DEFAULT_CLASS = ("default",)
_VERSIONED = re.compile(r"(?P<name>.*)\.(?P<level>\d*)rc")


@dataclass(frozen=True, slots=True)
class InitService:
    """A `service` section of an .rc file (system/core/init/README.md)."""

    name: str
    program: str
    classes: tuple[str, ...]
    on_restart: tuple[tuple[str, ...], ...]
    """The commands that follow its death, split into words: `restart NAME`, `class_restart CLASS`, …"""
    disabled: bool = False
    """Whether it does not start with its class."""
    override: bool = False
    """Whether it replaces an earlier section of this name; otherwise init ignores the later one."""


def parse_init_file(text: str) -> tuple[InitService, ...]:
    """The services that one .rc file declares; everything else in it is skipped."""
    return tuple(_services([line for line in tokenized(text) if line]))


def tokenized(text: str) -> list[list[str]]:
    """The words of each line, as init sees them (system/core/init/tokenizer.cpp).

    A word that starts with `#` begins a comment, which a backslash does not continue. Elsewhere a backslash
    at the end of a line joins it to the next, inside a word too, and what is in double quotes is one word.
    """
    lines: list[list[str]] = [[]]
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        if match["end"]:
            lines.append([])
        elif match["word"]:
            lines[-1].append(_PIECE.sub(_plain, match["word"]))
    return lines


def _plain(piece: re.Match[str]) -> str:
    if piece["quoted"] is not None:
        return piece["quoted"]
    if piece["joined"] is not None:
        return ""
    return _ESCAPES.get(piece["escaped"], piece["escaped"])


def _services(lines: list[list[str]]) -> Iterator[InitService]:
    starts = [number for number, words in enumerate(lines) if words[0] in _SECTIONS]
    for start, end in itertools.pairwise([*starts, len(lines)]):
        match lines[start]:
            case ["service", name, program, *_]:
                options = lines[start + 1 : end]
                words = {option[0] for option in options}
                classes = [tuple(option[1:]) for option in options if option[0] == "class"]
                yield InitService(
                    name,
                    program,
                    classes=classes[-1] if classes else _DEFAULT_CLASS,
                    on_restart=tuple(tuple(option[1:]) for option in options if option[0] == "onrestart"),
                    disabled="disabled" in words,
                    override="override" in words,
                )


def files_for(names: Iterable[str], api_level: int) -> list[str]:
    """Those of a directory's files that init reads at an API level, in order.

    Of `init.rc`, `init.30rc` and `init.34rc` it reads the last one that is not of a later level, which only
    an APEX has (system/core/init/parser.cpp, FilterVersionedConfigs, Android 13).
    """
    chosen: dict[str, tuple[int, str]] = {}
    for name in names:
        match = _VERSIONED.fullmatch(name)
        if match and (level := int(match["level"] or 0)) <= api_level:
            chosen[match["name"]] = max((level, name), chosen.get(match["name"], (level, name)))
    return sorted(name for _, name in chosen.values())


def restarted_with(
    name: str, services: Iterable[InitService], *, running: Collection[str] = ()
) -> frozenset[str]:
    """The services that init restarts when the one of that name dies, by name or as members of a class.

    The restart of each of them is followed in turn. `running` are those known to run: only they count for
    `restart --only-if-running`.
    """
    in_effect: dict[str, InitService] = {}
    for service in services:
        if service.override or service.name not in in_effect:
            in_effect[service.name] = service
    restarted: set[str] = set()
    dying = {name}
    while dying:
        commands = [command for each in dying & in_effect.keys() for command in in_effect[each].on_restart]
        victims = {victim for command in commands for victim in _victims(command, in_effect, running)}
        dying = victims - restarted - {name}
        restarted |= dying
    return frozenset(restarted)


def _victims(
    command: tuple[str, ...], services: dict[str, InitService], running: Collection[str]
) -> set[str]:
    """Whom a command restarts (init's builtins.cpp, do_restart and do_class_restart, Android 14)."""
    match command:
        case ["restart", "--only-if-running", name]:
            return {name} & set(running)
        case ["restart", name]:
            return {name}
        case ["class_restart", *flags, name]:
            members = (service for service in services.values() if name in service.classes)
            return {each.name for each in members if not (each.disabled and "--only-enabled" in flags)}
    return set()
