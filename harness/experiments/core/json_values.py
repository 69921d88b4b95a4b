"""Takes the typed values of this project to JSON and back, so that results can be stored and compared."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from pathlib import PurePath
from typing import TypeVar, cast

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Value = TypeVar("Value")
SHOWN = 60
"""So much of a value is shown that is not what it should be."""
IN_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list",
    frozenset: "a list",
    Mapping: "an object",
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


def from_json(kind: type[Value], value: Json, *, where: str = "the document") -> Value:
    """The dataclass `kind` that `to_json` gave `value` for, its fields checked against their annotations.

    Raises ValueError, naming the place, for a field that is unknown, missing or of another type.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {_described(value)}, not an object")
    hints = typing.get_type_hints(kind)
    unknown = value.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{where} has unknown fields: {', '.join(sorted(unknown))}")
    missing = [name for name in _required(kind) if name not in value]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    return kind(**{name: _decoded(hints[name], entry, f"{where}.{name}") for name, entry in value.items()})


def _required(kind: type[object]) -> Iterator[str]:
    """The fields of a dataclass that have no default."""
    assert dataclasses.is_dataclass(kind)
    for field in dataclasses.fields(kind):
        if field.default is field.default_factory is dataclasses.MISSING:
            yield field.name


def _decoded(hint: object, value: Json, where: str) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is object:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        alternatives = [argument for argument in arguments if argument is not type(None)]
        return _decoded(alternatives[0], value, where)
    if origin in (tuple, frozenset) and isinstance(value, list):
        entries = (_decoded(arguments[0], entry, f"{where}[{index}]") for index, entry in enumerate(value))
        return tuple(entries) if origin is tuple else frozenset(entries)
    if origin is Mapping and isinstance(value, dict):
        return {key: _decoded(arguments[1], entry, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(hint, type):
        if dataclasses.is_dataclass(hint):
            return cast(object, from_json(hint, value, where=where))
        if issubclass(hint, Enum):
            try:
                return hint(value)
            except ValueError:
                valid = ", ".join(_described(to_json(member)) for member in hint)
                raise ValueError(f"{where} is {_described(value)}, not one of {valid}") from None
        if hint is float and type(value) is int:
            return float(value)
        if type(value) is hint:
            return value
    wanted = next(words for kind, words in IN_WORDS.items() if (origin or hint) is kind)
    raise ValueError(f"{where} is {_described(value)}, not {wanted}")


def _described(value: Json) -> str:
    """A value, or of one that has parts, what it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
