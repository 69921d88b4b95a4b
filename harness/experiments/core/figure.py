"""A figure: a named value that was measured, where it was read, and what was expected of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.experiments.core.json_values import Json, to_json

NAME = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*"
"""A figure's name: words, and after a dot which of several alike, such as `bytes_mapped.in_c`."""
_PLACE = re.compile(r"\{(" + NAME + r")\}")
_WITHOUT_SINGULAR = frozenset({"ms", "µs", "s"})
ELLIPSIS = "…"
"""What stands in a sentence for a figure that differs between devices, or varies from run to run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. Its name is the key under which a finding holds it.

    Values are kept in their JSON form: enumerations by value, bytes in hexadecimal, tuples as lists.
    """

    value: object
    where: str
    """Where it was read: a file, ioctl, system call, tracepoint, or the program that reported it."""
    expected: object = None
    """The only value that is as expected; None where nothing is expected of it."""
    unit: str = ""
    """In the plural, such as `bytes`; empty for what is no quantity."""
    varies: bool = False
    """Whether one and the same device gives another value each time (ids, addresses, durations), or prose."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", to_json(self.value))
        object.__setattr__(self, "expected", to_json(self.expected))

    @property
    def as_expected(self) -> bool:
        """Whether the value is the expected one, or none is expected."""
        return self.expected is None or self.value == self.expected

    def __str__(self) -> str:
        return shown(self.value, self.unit)


def shown(value: Json | object, unit: str = "") -> str:
    """A value as people read it: lists joined, and a quantity, which has a unit, with thousands separated."""
    text = without_unit(value, unit)
    return text if value in (None, [], {}) else text + _suffix(unit, one=value in (1, [1]))


def without_unit(value: Json | object, unit: str) -> str:
    """A value as `shown` gives it, but for the unit itself, where that is named elsewhere."""
    if isinstance(value, dict) and value:
        return ", ".join(f"{key}: {_nested(entry, unit)}" for key, entry in value.items())
    if isinstance(value, list) and value:
        *first, last = (_nested(entry, unit) for entry in value)
        return f"{', '.join(first)} and {last}" if first else last
    return _scalar(value, unit)


def grouped(value: object) -> str:
    """A value in words, a whole number with its thousands separated."""
    return f"{value:,}" if type(value) is int else str(value)


def label(name: str) -> str:
    """A figure's name as people read it: `bytes_mapped.in_c` is `bytes mapped (in c)`."""
    what, dot, which = name.replace("_", " ").partition(".")
    return f"{what} ({which})" if dot else what


def names_in(template: str) -> Iterator[str]:
    """The names of the figures that a sentence states, in their order."""
    return (found[1] for found in _PLACE.finditer(template))


def fill(template: str, texts: Mapping[str, str]) -> str:
    """The sentence with a text for each name; KeyError for a name that has none."""
    return _PLACE.sub(lambda found: texts[found[1]], template)


def _nested(value: Json | object, unit: str) -> str:
    """A value within another: with parts of its own, in parentheses."""
    if isinstance(value, list) and value:
        return f"({', '.join(_nested(entry, unit) for entry in value)})"
    return f"({without_unit(value, unit)})" if isinstance(value, dict) and value else _scalar(value, unit)


def _scalar(value: Json | object, unit: str) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return grouped(value) if unit else str(value)


def _suffix(unit: str, *, one: bool) -> str:
    if not unit:
        return ""
    if not one or unit in _WITHOUT_SINGULAR:
        return f" {unit}"
    first, _, rest = unit.partition(" ")
    singular = f"{first.removesuffix('ies')}y" if first.endswith("ies") else first.removesuffix("s")
    return f" {singular} {rest}".rstrip()
