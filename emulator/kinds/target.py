"""Names the ways of getting a device: parses what the user wrote, and explains what may be written."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from emulator.base.controller import Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from emulator.host.address import is_host
from emulator.host.host import Host
from emulator.host.opening import open_host

START_SECONDS = 120.0
"""How long a device may take from its start to adb's answer, unless the caller says otherwise."""

UNQUOTED = "/:@+,[] "
"""What a value may hold as it is; `&` and `%` are written as in an address of the web, %26 and %25."""

KIND_MODULES = {
    "embedded": "emulator.embedded.kind",
    "adb": "emulator.kinds.attached",
    "avd": "emulator.kinds.sdk",
    "cuttlefish": "emulator.kinds.cuttlefish",
    "image": "emulator.kinds.image",
}
"""Where each kind is declared, as `KIND`; imported when somebody names it, or asks for all."""


@dataclass(frozen=True)
class Option:
    """One option of a target: `NAME=VALUE` after the question mark."""

    name: str
    summary: str
    default: str
    accepts: Callable[[str], bool]
    values: str
    """What it accepts, in words."""


HOST = Option(
    "host",
    "the machine to run on, reached over SSH; without it, this one",
    "",
    is_host,
    "ssh://USER@HOST or ssh://USER@HOST:PORT",
)
"""The option of every kind whose devices can run elsewhere."""


@dataclass(frozen=True)
class Offer:
    """One target on a machine: whether it can be used now, what it is, and if not, what fixes that."""

    target: str
    usable: bool
    detail: str


@dataclass(frozen=True)
class Kind:
    """One way of getting a device."""

    name: str
    summary: str
    options: tuple[Option, ...]
    open: Callable[[Target, Deadline | None], Controller]
    """Gets the device of a target, as `open_target` does."""
    offers: Callable[[Host], list[Offer]]
    """What of this kind there is on a machine; starts no device and never raises."""
    names: str = ""
    """What follows the colon, in one word such as SERIAL; empty for a kind that takes no name."""
    name_required: bool = False
    starts: bool = True
    """Whether opening starts a device, which then ends with the run."""
    check: Callable[[Target], None] = lambda _: None
    """Raises UsageError for options that do not go together."""


@dataclass(frozen=True)
class Target:
    """A parsed target: `KIND`, `KIND:NAME`, and either with `?OPTION=VALUE&OPTION=VALUE`."""

    kind: Kind
    given: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        words = "&".join(
            f"{name}={quote(value, safe=UNQUOTED)}" for name, value in sorted(self.given.items())
        )
        which = f"{self.kind.name}:{self.name}" if self.name else self.kind.name
        return f"{which}?{words}" if words else which

    def option(self, name: str) -> str:
        """The value given for an option, or its default."""
        return self.given.get(name) or next(
            known.default for known in self.kind.options if known.name == name
        )


def whole_number(low: int, high: int) -> Callable[[str], bool]:
    """What accepts a whole number from `low` to `high`, for an option."""
    return lambda text: text.isdecimal() and low <= int(text) <= high


def kinds() -> Iterator[Kind]:
    """Every way of getting a device."""
    return map(_kind, KIND_MODULES)


def _kind(name: str) -> Kind:
    kind: Kind = importlib.import_module(KIND_MODULES[name]).KIND
    return kind


def parse_target(text: str) -> Target:
    """The target that `text` names; raises UsageError listing what is valid otherwise."""
    which, _, words = text.partition("?")
    kind_name, colon, name = which.partition(":")
    if kind_name not in KIND_MODULES:
        near = difflib.get_close_matches(kind_name, KIND_MODULES, n=1)
        more = (
            f"Did you mean {near[0]}? `binder-harness devices` lists what there is."
            if near
            else f"Valid targets:\n{explain_targets()}"
        )
        raise UsageError(f"There is no target {text!r}. {more}")
    kind = _kind(kind_name)
    if colon and not kind.names:
        raise UsageError(f"The target {kind.name} takes no name after a colon: write {kind.name}.")
    if not name and (colon or kind.name_required):
        raise UsageError(f"The target {text!r} lacks a name: write {kind.name}:{kind.names}.")
    target = Target(kind, _options(kind, words), name)
    kind.check(target)
    return target


def _options(kind: Kind, words: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in filter(None, words.split("&")):
        key, _, quoted = word.partition("=")
        value = unquote(quoted)
        option = next((option for option in kind.options if option.name == key), None)
        if option is None:
            valid = ", ".join(option.name for option in kind.options) or "none"
            raise UsageError(f"The target {kind.name} has no option {key!r}. Valid options: {valid}.")
        if not option.accepts(value):
            raise UsageError(f"The option {key} of {kind.name} takes {option.values}, not {value!r}.")
        if key in options:
            raise UsageError(f"The option {key} of {kind.name} is given twice.")
        options[key] = value
    return options


def explain_targets() -> str:
    """What may be written for a target, one line for each kind and option."""
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
    """What there is on this machine, or on the host at ssh://…, and of what cannot be used, why not.

    Raises SetupError where the host does not let us in.
    """
    with open_host(address) as host:
        return [offer for kind in kinds() for offer in kind.offers(host)]


def on_host(target: str, host: Host) -> str:
    """What to write for a target without options, so that it runs on a host."""
    return f"{target}?host={host.address}" if host.address else target


def open_target(text: str, *, deadline: Deadline | None = None) -> Controller:
    """Get the device that `text` names and wait until adb reaches it: 120 s unless `deadline` says otherwise.

    Raises UsageError for an unknown target, SetupError when something is missing on this machine, and
    DeviceLostError when the device does not come up. What is slow to obtain is obtained before the clock
    starts.
    """
    target = parse_target(text)
    return target.kind.open(target, deadline)
