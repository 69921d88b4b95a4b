"""Reads the .rc files of Android's init: which services it restarts when another one dies."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

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
    line: int = field(default=0, compare=False, repr=False)
    """Where its section begins in the text, from 1."""
    on_restart_lines: tuple[int, ...] = field(default=(), compare=False, repr=False)
    """Where each of the commands is."""


@dataclass(frozen=True, slots=True)
class Line:
    """The words of a line as init sees it, which a backslash may have continued."""

    number: int
    """Of its first line in the text."""
    words: tuple[str, ...]


def parse_init_file(text: str, *, first_line: int = 1) -> tuple[InitService, ...]:
    """The services that one .rc file declares; everything else in it is skipped."""
    return tuple(_services([line for line in tokenized(text, first_line=first_line) if line.words]))


def tokenized(text: str, *, first_line: int = 1) -> list[Line]:
    """The lines, as init sees them (system/core/init/tokenizer.cpp).

    A word that starts with `#` begins a comment, which a backslash does not continue. Elsewhere a backslash
    at the end of a line joins it to the next, inside a word too, and what is in double quotes is one word.
    """
    lines: list[Line] = []
    words: list[str] = []
    start = number = first_line
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        number += match[0].count("\n")
        if match["end"]:
            lines.append(Line(start, tuple(words)))
            words, start = [], number
        elif match["word"]:
            words.append(_PIECE.sub(_plain, match["word"]))
    return [*lines, Line(start, tuple(words))]


def _plain(piece: re.Match[str]) -> str:
    if piece["quoted"] is not None:
        return piece["quoted"]
    if piece["joined"] is not None:
        return ""
    return _ESCAPES.get(piece["escaped"], piece["escaped"])


def _services(lines: list[Line]) -> Iterator[InitService]:
    starts = [number for number, line in enumerate(lines) if line.words[0] in _SECTIONS]
    for start, end in itertools.pairwise([*starts, len(lines)]):
        match lines[start].words:
            case ["service", name, program, *_]:
                options = lines[start + 1 : end]
                words = {option.words[0] for option in options}
                classes = [option.words[1:] for option in options if option.words[0] == "class"]
                on_restart = [option for option in options if option.words[0] == "onrestart"]
                yield InitService(
                    name,
                    program,
                    classes=classes[-1] if classes else _DEFAULT_CLASS,
                    on_restart=tuple(option.words[1:] for option in on_restart),
                    disabled="disabled" in words,
                    override="override" in words,
                    line=lines[start].number,
                    on_restart_lines=tuple(option.number for option in on_restart),
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


@dataclass(frozen=True, slots=True)
class Restarts:
    """What init restarts when a service dies, by name or as members of a class."""

    services: frozenset[str]
    """Those that the files declare, or that a command names."""
    if_running: frozenset[str] = frozenset()
    """Those that `restart --only-if-running` names, unless they are known to run."""
    classes: frozenset[str] = frozenset()
    """The classes that are restarted whole: other files may declare further members."""


def in_effect(services: Iterable[InitService]) -> dict[str, InitService]:
    """The section that counts of each name: the first one, unless a later one overrides it."""
    found: dict[str, InitService] = {}
    for service in services:
        if service.override or service.name not in found:
            found[service.name] = service
    return found


def restarts_with(name: str, services: Iterable[InitService], *, running: Collection[str] = ()) -> Restarts:
    """What init restarts when the service of that name dies.

    The restart of each of them is followed in turn. `running` are those known to run: only they count for
    `restart --only-if-running`.
    """
    declared = in_effect(services)
    restarted: set[str] = set()
    if_running: set[str] = set()
    classes: set[str] = set()
    dying = {name}
    while dying:
        victims: set[str] = set()
        for command in [command for each in dying & declared.keys() for command in declared[each].on_restart]:
            match command:  # init's builtins.cpp, do_restart and do_class_restart, Android 14
                case ["restart", "--only-if-running", victim]:
                    (victims if victim in running else if_running).add(victim)
                case ["restart", victim]:
                    victims.add(victim)
                case ["class_restart", *flags, of_class]:
                    classes.add(of_class)
                    victims |= _members(of_class, declared, only_enabled="--only-enabled" in flags)
        dying = victims - restarted - {name}
        restarted |= dying
    return Restarts(frozenset(restarted), frozenset(if_running - restarted - {name}), frozenset(classes))


def _members(of_class: str, services: dict[str, InitService], *, only_enabled: bool) -> set[str]:
    members = (service for service in services.values() if of_class in service.classes)
    return {each.name for each in members if not (each.disabled and only_enabled)}
