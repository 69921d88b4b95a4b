"""Parses a target, the name of a device to use, and explains what targets there are."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote, unquote

from emulator.base.controller import Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError, did_you_mean
from emulator.host.host import Host, is_address
from emulator.host.opening import open_host

START_SECONDS = 120.0
"""How long a device may take from its start until adb reaches it, unless the caller gives a deadline."""

UNQUOTED = "/:@+,[] "
"""Characters that need no percent-encoding in a value; `&` and `%` do: %26 and %25."""

KIND_MODULES = {
    "embedded": "emulator.embedded.kind",
    "adb": "emulator.kinds.attached",
    "avd": "emulator.kinds.sdk.kind",
    "cuttlefish": "emulator.kinds.cuttlefish.kind",
    "image": "emulator.kinds.image",
    "local": "emulator.kinds.local.kind",
}
"""The module that declares each kind, as `KIND`; imported when a target or a list of all kinds needs it."""


@dataclass(frozen=True)
class Option:
    """One option of a target: `NAME=VALUE` after the question mark."""

    name: str
    summary: str
    default: str
    accepts: Callable[[str], bool]
    values: str
    """The valid values, for messages."""


HOST = Option(
    "host",
    "the machine to run on, reached over SSH; without it, this one",
    "",
    is_address,
    "ssh://USER@HOST or ssh://USER@HOST:PORT",
)
"""The option of every kind whose devices can run on another machine."""


ALLOWED = "allowed"


def permission(name: str, summary: str) -> Option:
    """An option that allows something, which is refused unless the user writes so."""
    return Option(name, summary, "refused", (ALLOWED, "refused").__contains__, "allowed or refused")


@dataclass(frozen=True)
class Offer:
    """A target that a machine offers: whether it can be used now, what it is, and if not, what fixes that."""

    target: str
    usable: bool
    detail: str


@dataclass(frozen=True)
class DeviceKind:
    """One way of getting a device."""

    name: str
    summary: str
    options: tuple[Option, ...]
    open: Callable[[Target, Deadline | None], Controller]
    """Opens the device of a target, as `open_target` does."""
    offers: Callable[[Host], list[Offer]]
    """The targets of this kind that a machine offers; starts no device and never raises."""
    names: str = ""
    """A metavariable for what follows the colon, such as SERIAL; empty for a kind that takes no name."""
    name_required: bool = False
    starts: bool = True
    """Whether opening starts a device, which then ends with the run."""
    clones: Callable[[Target], bool] = lambda _: False
    """Whether this machine can start several devices of a target at once from one saved state."""
    check: Callable[[Target], None] = lambda _: None
    """Raises UsageError for options that exclude each other."""


@dataclass(frozen=True)
class Target:
    """A parsed target: `KIND` or `KIND:NAME`, either with `?OPTION=VALUE&OPTION=VALUE`.

    `parse_target` makes it, and nothing else does; `str` gives its one spelling, for documents and for other
    processes.
    """

    kind: DeviceKind
    given: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        options = "&".join(itertools.starmap(_written, sorted(self.given.items())))
        which = f"{self.kind.name}:{self.name}" if self.name else self.kind.name
        return f"{which}?{options}" if options else which

    def option(self, name: str) -> str:
        """The value given for an option, or its default."""
        return self.given.get(name) or next(
            known.default for known in self.kind.options if known.name == name
        )

    def with_option(self, name: str, value: str) -> Target:
        """This target with one option more; UsageError where it is not valid or already given."""
        separator = "&" if self.given else "?"
        return parse_target(f"{self}{separator}{_written(name, value)}")


AnyTarget: TypeAlias = "Target | str"
"""A target, parsed or as the user wrote it."""


def _written(name: str, value: str) -> str:
    return f"{name}={quote(value, safe=UNQUOTED)}"


MOST_DIGITS = 20
"""Of a number: more than any option needs, and fewer than `int` refuses."""


def whole_number(low: int, high: int) -> Callable[[str], bool]:
    """A check for an option that takes a whole number from `low` to `high`."""
    return lambda text: text.isdecimal() and len(text) <= MOST_DIGITS and low <= int(text) <= high


def kinds() -> Iterator[DeviceKind]:
    """Every way of getting a device."""
    return map(_kind, KIND_MODULES)


def _kind(name: str) -> DeviceKind:
    kind: DeviceKind = importlib.import_module(KIND_MODULES[name]).KIND
    return kind


def _form(kind: DeviceKind) -> str:
    """How a target of a kind is written, without options."""
    if not kind.names:
        return kind.name
    return f"{kind.name}:{kind.names}" if kind.name_required else f"{kind.name}[:{kind.names}]"


def parse_target(text: str) -> Target:
    """The target that `text` names; otherwise raises UsageError with what is valid."""
    which, _, words = text.partition("?")
    kind_name, colon, name = which.partition(":")
    if kind_name not in KIND_MODULES:
        near = did_you_mean(kind_name, KIND_MODULES)
        raise UsageError(
            f"There is no target {text!r}.{near} Targets: {', '.join(map(_form, kinds()))}. "
            "`binder-harness devices` lists those of this machine, and their options."
        )
    kind = _kind(kind_name)
    if colon and not kind.names:
        raise UsageError(f"The target {kind.name} takes no name after a colon: write {kind.name}.")
    if not name and (colon or kind.name_required):
        raise UsageError(f"The target {text!r} lacks a name: write {kind.name}:{kind.names}.")
    target = Target(kind, _options(kind, words), name)
    kind.check(target)
    return target


def _options(kind: DeviceKind, words: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in filter(None, words.split("&")):
        key, _, quoted = word.partition("=")
        value = unquote(quoted)
        option = next((option for option in kind.options if option.name == key), None)
        if option is None:
            valid = ", ".join(option.name for option in kind.options) or "none"
            near = did_you_mean(key, (option.name for option in kind.options))
            raise UsageError(f"The target {kind.name} has no option {key!r}.{near} Valid options: {valid}.")
        if not option.accepts(value):
            raise UsageError(f"The option {key} of {kind.name} takes {option.values}, not {value!r}.")
        if key in options:
            raise UsageError(f"The option {key} of {kind.name} is given twice: give it once.")
        options[key] = value
    return options


def explain_targets() -> str:
    """The syntax of targets, one line for each kind and option."""
    lines = []
    for kind in kinds():
        if not kind.name_required:
            lines.append(f"  {kind.name}: {kind.summary}")
        if kind.names:
            lines.append(f"  {kind.name}:{kind.names}: {kind.summary if kind.name_required else 'that one'}")
        lines += [
            f"    {kind.name}?{option.name}=…: {option.summary} ({option.values}{_default(option)})"
            for option in kind.options
        ]
    return "\n".join(lines)


def _default(option: Option) -> str:
    return f"; default {option.default}" if option.default else ""


def offers(address: str = "") -> list[Offer]:
    """The targets of this machine, or of the host at ssh://…, with the reason for each that cannot be used.

    Raises SetupError where the host cannot be logged in to.
    """
    with open_host(address) as host:
        return [offer for kind in kinds() for offer in kind.offers(host)]


def on_host(target: str, host: Host) -> str:
    """A target without options, with the option that has it run on a host where that is not this machine."""
    return f"{target}?host={host.address}" if host.address else target


def open_target(target: AnyTarget, *, deadline: Deadline | None = None) -> Controller:
    """Open the device that a target names and wait until adb reaches it: for 120 s, or until `deadline`.

    Raises UsageError for an unknown target, SetupError when this machine lacks something, and DeviceLostError
    when the device does not come up. Downloads and builds are done before the 120 s begin.
    """
    parsed = parse_target(target) if isinstance(target, str) else target
    return parsed.kind.open(parsed, deadline)
