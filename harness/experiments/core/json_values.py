"""Takes the typed values of this project to JSON and back, so that results can be stored and compared."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeVar

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Value = TypeVar("Value")
DEEPEST = 100
"""More lists and objects within each other than a value of ours has."""
NOT_RECORDED = "not_recorded"
"""The field of a dataclass that gets the names of those that its JSON lacks."""
SHOWN = 60
"""So much of a value is shown that is not what it should be."""
_SEQUENCES: dict[object, Callable[[Iterable[object]], object]] = {
    tuple: tuple,
    list: list,
    frozenset: frozenset,
    Sequence: tuple,
}
_MAPPINGS = (Mapping, dict)
IN_WORDS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    bytes: "bytes in hexadecimal",
    type(None): "null",
    **dict.fromkeys(_SEQUENCES, "a list"),
    **dict.fromkeys(_MAPPINGS, "an object"),
}
"""What JSON has for a type."""


def to_json(value: object) -> Json:
    """`value` as JSON: dataclasses by field, enumerations by value, bytes in hexadecimal, sets sorted.

    Raises TypeError for anything else that JSON does not have.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return value.hex()
    if isinstance(value, PurePath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(entry) for key, entry in value.items()}
    if isinstance(value, Set):
        return sorted((to_json(entry) for entry in value), key=str)
    if isinstance(value, list | tuple | range):
        return [to_json(entry) for entry in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON: {value!r}")


def parsed(text: str) -> Json:
    """The value that a text in JSON is; ValueError for any other text, or one that is nested too deeply."""
    try:
        value: Json = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [entry for each in level for entry in _parts(each)]
    if level:
        raise ValueError("it is nested too deeply")
    return value


def _parts(value: Json) -> Iterable[Json]:
    """What a list or an object consists of."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


@typing.overload
def from_json(kind: type[Value], value: Json, *, where: str = ...) -> Value: ...
@typing.overload
def from_json(kind: object, value: Json, *, where: str = ...) -> Any: ...
def from_json(kind: object, value: Json, *, where: str = "the document") -> Any:
    """The value that `to_json` gave `value` for, checked against `kind`: a dataclass or another type hint.

    A missing field gets its default. A dataclass that keeps which were missing, since an earlier release did
    not know them, has a field `not_recorded`: a frozenset of their names.
    Raises ValueError, naming the place, for a field that is unknown, of another type, or missing and without
    a default.
    """
    return _decoded(kind, value, where)


def _decoded(hint: object, value: Json, where: str) -> object:
    if hint is object or hint is typing.Any:
        return value
    if isinstance(hint, typing.NewType):
        return _decoded(hint.__supertype__, value, where)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _alternative(typing.get_args(hint), value, where)
    if origin in _SEQUENCES and isinstance(value, list):
        return _SEQUENCES[origin](_entries(typing.get_args(hint), value, where))
    if origin in _MAPPINGS and isinstance(value, dict):
        key_hint, entry_hint = typing.get_args(hint)
        return {
            _key(key_hint, key, where): _decoded(entry_hint, entry, f"{where}.{key}")
            for key, entry in value.items()
        }
    if isinstance(hint, type) and origin is None:
        return _plain(hint, value, where)
    raise ValueError(f"{where} is {described(value)}, not {_wanted(origin or hint)}")


def _plain(hint: type[Any], value: Json, where: str) -> object:
    """A value of a type without parameters."""
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, where)
    if issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            valid = ", ".join(described(to_json(member)) for member in hint)
            raise ValueError(f"{where} is {described(value)}, not one of {valid}") from None
    if issubclass(hint, PurePath) and isinstance(value, str):
        return hint(value)
    if hint is bytes and isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    if hint is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    if type(value) is hint:
        return value
    raise ValueError(f"{where} is {described(value)}, not {_wanted(hint)}")


def _dataclass(kind: type[Any], value: Json, where: str) -> object:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {described(value)}, not an object")
    hints = _hints(kind)  # type: ignore[arg-type]  # a class can be hashed, whatever its instances can
    unknown = value.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{where} has unknown fields: {', '.join(sorted(unknown))}")
    missing = [name for name in _required(kind) if name not in value]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    fields: dict[str, Any] = {
        name: _decoded(hints[name], entry, f"{where}.{name}") for name, entry in value.items()
    }
    if NOT_RECORDED in hints:
        lacking = hints.keys() - value.keys() - {NOT_RECORDED}
        fields[NOT_RECORDED] = frozenset(lacking).union(fields.get(NOT_RECORDED, ()))
    return kind(**fields)


@functools.cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    """The types of a dataclass's fields, which Python compiles from text each time that it is asked."""
    return typing.get_type_hints(kind)


def _required(kind: type[Any]) -> Iterator[str]:
    """The fields of a dataclass that have no default."""
    for field in dataclasses.fields(kind):
        if field.default is field.default_factory is dataclasses.MISSING:
            yield field.name


def _alternative(hints: tuple[object, ...], value: Json, where: str) -> object:
    """The value as the first of several types that it fits."""
    if value is None and type(None) in hints:
        return None
    mismatch = ValueError()
    for hint in hints:
        try:
            return _decoded(hint, value, where)
        except ValueError as error:
            if hint is not type(None):
                mismatch = error
    raise mismatch


def _entries(hints: tuple[object, ...], values: list[Json], where: str) -> Iterator[object]:
    """The entries of a sequence: all of one type, or each of its own as in tuple[int, str]."""
    each = [hints[0]] * len(values) if len(hints) == 1 or hints[1:] == (...,) else list(hints)
    if len(each) != len(values):
        raise ValueError(f"{where} has {len(values)} entries, not {len(each)}")
    for index, (hint, entry) in enumerate(zip(each, values, strict=True)):
        yield _decoded(hint, entry, f"{where}[{index}]")


def _key(hint: object, key: str, where: str) -> object:
    """A key, which JSON keeps as text."""
    if hint is int:
        try:
            return int(key)
        except ValueError:
            raise ValueError(f"{where} has the key {described(key)}, which is not a whole number") from None
    return _decoded(hint, key, f"{where}, the key")


def _wanted(kind: object) -> str:
    """What JSON has for a type, in words."""
    return IN_WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def described(value: Json) -> str:
    """A value, or of one that has parts, what it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
