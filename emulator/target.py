"""Names the ways of getting a device: parses what the user wrote, and explains what may be written."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.deadline import Deadline
from emulator.errors import UsageError
from emulator.lifeline import LifeLine

START_SECONDS = 120.0
"""How long a device may take from its start to adb's answer, unless the caller says otherwise."""


@dataclass(frozen=True)
class Option:
    """One option of a target: `NAME=VALUE` after the question mark."""

    name: str
    summary: str
    default: str
    accepts: Callable[[str], bool]
    values: str
    """What it accepts, in words."""


@dataclass(frozen=True)
class Kind:
    """One way of getting a device."""

    name: str
    summary: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Target:
    """A parsed target: `KIND` or `KIND?OPTION=VALUE&OPTION=VALUE`."""

    kind: Kind
    given: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        words = "&".join(f"{name}={value}" for name, value in sorted(self.given.items()))
        return f"{self.kind.name}?{words}" if words else self.kind.name

    def option(self, name: str) -> str:
        """The value given for an option, or its default."""
        return self.given.get(name) or next(
            known.default for known in self.kind.options if known.name == name
        )


def _whole_number(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: text.isdecimal() and low <= int(text) <= high


EMBEDDED = Kind(
    "embedded",
    "Debian's kernel and AOSP's adbd in QEMU, made and started by this project",
    (
        Option(
            "userland",
            "generation of AOSP's servicemanager on /dev/binder: Android 11's, Android 10's (in C), or none",
            "11",
            ("11", "10", "none").__contains__,
            "11, 10 or none",
        ),
        Option("memory", "memory in MiB", "512", _whole_number(192, 65536), "192 to 65536"),
        Option("processors", "virtual processors", "2", _whole_number(1, 64), "1 to 64"),
        Option(
            "acceleration",
            "how QEMU runs the guest; auto uses KVM where a trial shows that it can run this kernel",
            "auto",
            ("auto", "kvm", "tcg").__contains__,
            "auto, kvm or tcg",
        ),
    ),
)
KINDS = (EMBEDDED,)


def parse_target(text: str) -> Target:
    """The target that `text` names; raises UsageError listing what is valid otherwise."""
    name, _, words = text.partition("?")
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        near = difflib.get_close_matches(name, [kind.name for kind in KINDS], n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"There is no target {text!r}.{hint} Valid targets:\n{explain_targets()}")
    given: dict[str, str] = {}
    for word in filter(None, words.split("&")):
        key, _, value = word.partition("=")
        option = next((option for option in kind.options if option.name == key), None)
        if option is None:
            valid = ", ".join(option.name for option in kind.options)
            raise UsageError(f"The target {kind.name} has no option {key!r}. Valid options: {valid}.")
        if not option.accepts(value):
            raise UsageError(f"The option {key} of {kind.name} takes {option.values}, not {value!r}.")
        given[key] = value
    return Target(kind, given)


def explain_targets() -> str:
    """What may be written for a target, one line for each kind and option."""
    lines = []
    for kind in KINDS:
        lines.append(f"  {kind.name}: {kind.summary}")
        lines += [
            f"    {kind.name}?{option.name}=…: {option.summary} ({option.values}; default {option.default})"
            for option in kind.options
        ]
    return "\n".join(lines)


def open_target(text: str, *, deadline: Deadline | None = None) -> LifeLine:
    """Get the device that `text` names and wait until adb reaches it: 120 s unless `deadline` says otherwise.

    Raises UsageError for an unknown target, SetupError when something is missing on this machine, and
    DeviceLostError when the device does not come up. What is slow to obtain is obtained before the clock
    starts.
    """
    target = parse_target(text)
    from emulator.embedded.device import open_embedded

    return open_embedded(target, deadline)
