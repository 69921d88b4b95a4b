"""What was written into a parcel, or read from data, field by field: each call of a method is one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar

LONGEST_VALUE = 72
"""Characters of a value that a table shows."""

Class = TypeVar("Class", bound=type)


@dataclass(frozen=True, slots=True)
class Field:
    """One value, as it was written or read; sizes and offsets in bytes."""

    offset: int
    size: int
    name: str
    """Of the method that wrote or read it."""
    value: object


class Fields:
    """The fields so far; a method that uses others is one field."""

    def __init__(self) -> None:
        self.all: list[Field] = []
        self.busy = False
        """Whether a method is writing or reading one."""

    def add(self, others: Iterable[Field], *, at: int) -> None:
        """Add the fields of another parcel, whose data begin at an offset of this one's."""
        self.all += [Field(each.offset + at, each.size, each.name, each.value) for each in others]

    def text(self, data: bytes) -> str:
        """A line for each field, with its offset and value, and one for the bytes that no field has."""
        rows = [(field.offset, field.name, _shown(field.value)) for field in self.all]
        end = max((field.offset + field.size for field in self.all), default=0)
        if end < len(data):
            rest = data[end : end + LONGEST_VALUE // 3]
            more = " …" if end + len(rest) < len(data) else ""
            rows.append((end, f"{len(data) - end:,} bytes", rest.hex(" ", 4) + more))
        width = max((len(name) for _, name, _ in rows), default=0)
        return "\n".join(f"{offset:>6}  {name:<{width}}  {value}".rstrip() for offset, name, value in rows)


def fields_written(cls: Class) -> Class:
    """A class whose methods that return itself write a field each: their first argument, at its `size`."""
    return _with_fields(cls, "size", writes=True)


def fields_read(cls: Class) -> Class:
    """A class whose public methods read a field each, at its `position`, and return its value."""
    return _with_fields(cls, "position", writes=False)


def _with_fields(cls: Class, place: str, *, writes: bool) -> Class:
    for name, member in list(vars(cls).items()):
        if not isinstance(member, FunctionType) or name.startswith("_") or name == "show":
            continue
        returns_itself = member.__annotations__["return"] == "Self"
        if returns_itself or not writes:
            recorded = _recorded(member, place, writes=writes, has_value=writes or not returns_itself)
            setattr(cls, name, recorded)
    return cls


def _recorded(method: Callable[..., Any], place: str, *, writes: bool, has_value: bool) -> Callable[..., Any]:
    @functools.wraps(method)
    def record(owner: Any, *arguments: Any, **named: Any) -> Any:
        fields: Fields = owner.fields
        if fields.busy:
            return method(owner, *arguments, **named)
        fields.busy, offset = True, getattr(owner, place)
        try:
            result = method(owner, *arguments, **named)
        finally:
            fields.busy = False
        value = (arguments or (*named.values(), None))[0] if writes else result
        size = getattr(owner, place) - offset
        fields.all.append(Field(offset, size, method.__name__, value if has_value else None))
        return result

    return record


def _shown(value: object) -> str:
    text = "" if value is None else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
