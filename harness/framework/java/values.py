"""Intents and bundles as the agent in Java writes and reads them, in JSON.

A value is a list: the name of its class, and its content; Values.java of the agent has the other side.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.base.errors import UsageError
from harness.agent.errors import ProtocolError
from harness.framework.activity_manager import BroadcastResult
from harness.framework.bundle import (
    BooleanArray,
    Bundle,
    Byte,
    Float,
    IntArray,
    Long,
    LongArray,
    Short,
    StringArray,
    Value,
)
from harness.framework.intent import ComponentName, Intent, Rect
from harness.framework.uri import Uri

Described = Mapping[str, Any]
_NUMBERS: dict[type, str] = {int: "Integer", Short: "Short", Byte: "Byte", bool: "Boolean", str: "String"}
_NUMBER_TYPES = {name: number for number, name in _NUMBERS.items()}
_ARRAYS: dict[type, str] = {
    StringArray: "String[]",
    IntArray: "int[]",
    LongArray: "long[]",
    BooleanArray: "boolean[]",
}
_ARRAY_TYPES = {name: array for array, name in _ARRAYS.items()}


def describe_intent(intent: Intent) -> Described:
    """An Intent in JSON; what it does not have is left out."""
    members: dict[str, Any] = {
        "action": intent.action,
        "data": None if intent.data is None else intent.data.text,
        "type": intent.type,
        "identifier": intent.identifier,
        "flags": intent.flags,
        "package": intent.package,
        "categories": list(intent.categories) or None,
    }
    if intent.component is not None:
        members["component"] = [intent.component.package, intent.component.class_name]
    if (bounds := intent.source_bounds) is not None:
        members["source_bounds"] = [bounds.left, bounds.top, bounds.right, bounds.bottom]
    if intent.selector is not None:
        members["selector"] = describe_intent(intent.selector)
    if intent.extras is not None:
        members["extras"] = describe_bundle(intent.extras)
    return {name: member for name, member in members.items() if member is not None}


def intent_of(described: Described) -> Intent:
    """The Intent that JSON describes; ProtocolError for anything else."""
    with _only_values("an Intent", described):
        return _intent(described)


def _intent(described: Described) -> Intent:
    return Intent(
        action=described.get("action"),
        data=Uri(described["data"]) if "data" in described else None,
        type=described.get("type"),
        identifier=described.get("identifier"),
        flags=described["flags"],
        package=described.get("package"),
        component=ComponentName(*described["component"]) if "component" in described else None,
        source_bounds=Rect(*described["source_bounds"]) if "source_bounds" in described else None,
        categories=tuple(described.get("categories", ())),
        selector=_intent(described["selector"]) if "selector" in described else None,
        extras=_bundle(described["extras"]) if "extras" in described else None,
    )


def describe_result(result: BroadcastResult) -> Described:
    """What an ordered broadcast has come to, in JSON; what it does not have is left out."""
    members: dict[str, Any] = {"code": result.code, "data": result.data, "abort": result.abort or None}
    if result.extras is not None:
        members["extras"] = describe_bundle(result.extras)
    return {name: member for name, member in members.items() if member is not None}


def result_of(described: Described) -> BroadcastResult:
    """The result that JSON describes; ProtocolError for anything else."""
    with _only_values("the result of a broadcast", described):
        extras = _bundle(described["extras"]) if "extras" in described else None
        return BroadcastResult(code=described["code"], data=described.get("data"), extras=extras)


def describe_bundle(bundle: Bundle) -> Described:
    """A bundle in JSON; UsageError for a value that it cannot contain."""
    return {key: _describe(value) for key, value in bundle.items()}


def bundle_of(described: Described) -> dict[str, Value]:
    """The bundle that JSON describes; ProtocolError for anything else."""
    with _only_values("a bundle", described):
        return _bundle(described)


@contextlib.contextmanager
def _only_values(what: str, described: object) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error) as error:
        raise ProtocolError(f"The agent in Java describes {what} that is none: {described!r:.200}") from error


def _bundle(described: Described) -> dict[str, Value]:
    return {key: _value(value) for key, value in described.items()}


def _describe(value: Value) -> list[Any]:
    if value is None:
        return ["null"]
    if isinstance(value, Mapping):
        return ["Bundle", describe_bundle(value)]
    if isinstance(value, list):
        return ["ArrayList", [_describe(each) for each in value]]
    if isinstance(value, bytes):
        return ["byte[]", value.hex()]
    if isinstance(value, Long):
        return ["Long", str(int(value))]
    if isinstance(value, Float):
        return ["Float", str(struct.unpack("<i", struct.pack("<f", value))[0])]
    if isinstance(value, float):
        return ["Double", str(struct.unpack("<q", struct.pack("<d", value))[0])]
    if isinstance(value, LongArray):
        return [_ARRAYS[LongArray], list(map(str, value))]
    if isinstance(value, StringArray | IntArray | BooleanArray):
        return [_ARRAYS[type(value)], list(value)]
    if type(value) in _NUMBERS:
        return [_NUMBERS[type(value)], value]
    raise UsageError(f"a bundle cannot contain a value of type {type(value).__name__}: {value!r}")


def _value(described: list[Any]) -> Value:
    name, *rest = described
    if name == "null":
        return None
    (content,) = rest
    match name:
        case "Bundle":
            return _bundle(content)
        case "ArrayList":
            return [_value(each) for each in content]
        case "byte[]":
            return bytes.fromhex(content)
        case "Long":
            return Long(content)
        case "Float":
            return Float(struct.unpack("<f", struct.pack("<i", int(content)))[0])
        case "Double":
            return float(struct.unpack("<d", struct.pack("<q", int(content)))[0])
        case "long[]":
            return LongArray(map(int, content))
    made: Value = (_ARRAY_TYPES.get(name) or _NUMBER_TYPES[name])(content)
    return made
