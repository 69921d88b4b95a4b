"""Bundles, such as an Intent's extras: written and read as android.os.Bundle and Parcel.writeValue do."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from emulator.base.errors import UsageError
from harness.binder.errors import ParcelError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.framework.layout import Layout

BUNDLE_MAGIC = 0x4C444E42
"""`BNDL`: a bundle that Java wrote (BaseBundle.java)."""
NO_BUNDLE = -1
DEEPEST = 32
"""How deep bundles and lists may be nested to be read; deeper is not a bundle that was sent on purpose."""


class Long(int):
    """A java.lang.Long; a plain int is an Integer."""


class Short(int):
    """A java.lang.Short."""


class Byte(int):
    """A java.lang.Byte."""


class Float(float):
    """A java.lang.Float; a plain float is a Double."""


class StringArray(tuple[str | None, ...]):
    """A String[]."""


class IntArray(tuple[int, ...]):
    """An int[]."""


class LongArray(tuple[int, ...]):
    """A long[]."""


class BooleanArray(tuple[bool, ...]):
    """A boolean[]."""


Value = (
    None
    | str
    | bool
    | int
    | float
    | bytes
    | list["Value"]
    | Mapping[str, "Value"]
    | StringArray
    | IntArray
    | LongArray
    | BooleanArray
)
"""What a bundle can contain here. A list is an ArrayList, a mapping another Bundle, bytes are a byte[]."""

Bundle = Mapping[str, Value]


class ValueType(IntEnum):
    """The word before a value (Parcel.java, VAL_*, Android 11)."""

    VAL_NULL = -1
    VAL_STRING = 0
    VAL_INTEGER = 1
    VAL_MAP = 2
    VAL_BUNDLE = 3
    VAL_PARCELABLE = 4
    VAL_SHORT = 5
    VAL_LONG = 6
    VAL_FLOAT = 7
    VAL_DOUBLE = 8
    VAL_BOOLEAN = 9
    VAL_LIST = 11
    VAL_SPARSEARRAY = 12
    VAL_BYTEARRAY = 13
    VAL_STRINGARRAY = 14
    VAL_PARCELABLEARRAY = 16
    VAL_OBJECTARRAY = 17
    VAL_INTARRAY = 18
    VAL_LONGARRAY = 19
    VAL_BYTE = 20
    VAL_SERIALIZABLE = 21
    VAL_BOOLEANARRAY = 23


@dataclass(frozen=True, slots=True)
class _Kind:
    type: ValueType
    write: Callable[[Parcel, Any], object]
    read: Callable[[ParcelReader], Any]


def _present(reader: ParcelReader, value: Any) -> Any:
    if value is None:
        raise ParcelError(f"before byte {reader.position}: a value of a bundle has a type and is null")
    return value


def _write_short(parcel: Parcel, value: int) -> None:
    struct.pack("<h", value)
    parcel.int32(value)


_KINDS: dict[type, _Kind] = {
    type(None): _Kind(ValueType.VAL_NULL, lambda _parcel, _value: None, lambda _reader: None),
    str: _Kind(ValueType.VAL_STRING, Parcel.string16, lambda reader: _present(reader, reader.string16())),
    bool: _Kind(ValueType.VAL_BOOLEAN, Parcel.boolean, ParcelReader.boolean),
    int: _Kind(ValueType.VAL_INTEGER, Parcel.int32, ParcelReader.int32),
    Long: _Kind(ValueType.VAL_LONG, Parcel.int64, lambda reader: Long(reader.int64())),
    Short: _Kind(
        ValueType.VAL_SHORT,
        _write_short,
        lambda reader: Short(struct.unpack("<h", reader.raw(4, "a Short")[:2])[0]),
    ),
    Byte: _Kind(ValueType.VAL_BYTE, Parcel.byte, lambda reader: Byte(reader.byte())),
    Float: _Kind(ValueType.VAL_FLOAT, Parcel.float32, lambda reader: Float(reader.float32())),
    float: _Kind(ValueType.VAL_DOUBLE, Parcel.float64, ParcelReader.float64),
    bytes: _Kind(
        ValueType.VAL_BYTEARRAY,
        Parcel.byte_array,
        lambda reader: _present(reader, reader.byte_array()),
    ),
    StringArray: _Kind(
        ValueType.VAL_STRINGARRAY,
        Parcel.string16_array,
        lambda reader: StringArray(_present(reader, reader.string16_array())),
    ),
    IntArray: _Kind(
        ValueType.VAL_INTARRAY,
        Parcel.int32_array,
        lambda reader: IntArray(_present(reader, reader.int32_array())),
    ),
    LongArray: _Kind(
        ValueType.VAL_LONGARRAY,
        Parcel.int64_array,
        lambda reader: LongArray(_present(reader, reader.int64_array())),
    ),
    BooleanArray: _Kind(
        ValueType.VAL_BOOLEANARRAY,
        Parcel.int32_array,
        lambda reader: BooleanArray(map(bool, _present(reader, reader.int32_array()))),
    ),
}
_BY_NUMBER = {int(kind.type): kind for kind in _KINDS.values()}
_WITH_LENGTH = {
    ValueType.VAL_MAP,
    ValueType.VAL_PARCELABLE,
    ValueType.VAL_LIST,
    ValueType.VAL_SPARSEARRAY,
    ValueType.VAL_PARCELABLEARRAY,
    ValueType.VAL_OBJECTARRAY,
    ValueType.VAL_SERIALIZABLE,
}
"""The types whose values are preceded by their length from Android 13 on (Parcel.java, isLengthPrefixed)."""


def write_bundle(parcel: Parcel, bundle: Bundle | None, *, layout: Layout | None = None) -> None:
    """Append a bundle, by default in the layout of the parcel's release.

    Raises UsageError for a value that it cannot contain.
    """
    layout = layout or Layout.of_wire(parcel.wire)
    if bundle is None:
        parcel.int32(NO_BUNDLE)
        return
    if not bundle:
        parcel.int32(0)
        return
    content = Parcel(parcel.wire).int32(len(bundle))
    for key, value in bundle.items():
        content.string16(key)
        try:
            write_value(content, value, layout)
        except struct.error as error:
            raise UsageError(
                f"{key}={value!r} does not fit: {error}. An int is a 32-bit Integer; wrap others in Long."
            ) from error
    parcel.int32(content.size).uint32(BUNDLE_MAGIC).raw(content.data)
    if layout.bundles_flag_intents:
        parcel.boolean(False)


def write_value(parcel: Parcel, value: Value, layout: Layout) -> None:
    """Append a type and a value of it, as Parcel.writeValue does; UsageError for an unsupported type."""
    if isinstance(value, Mapping):
        parcel.int32(ValueType.VAL_BUNDLE)
        write_bundle(parcel, value, layout=layout)
    elif isinstance(value, list):
        content = Parcel(parcel.wire).int32(len(value))
        for element in value:
            write_value(content, element, layout)
        parcel.int32(ValueType.VAL_LIST)
        if layout.values_have_lengths:
            parcel.int32(content.size)
        parcel.raw(content.data)
    else:
        kind = _KINDS.get(type(value))
        if kind is None:
            raise UsageError(f"a bundle cannot contain a value of type {type(value).__name__}: {value!r}")
        kind.write(parcel.int32(kind.type), value)


def read_bundle(
    reader: ParcelReader, *, layout: Layout | None = None, depth: int = 0
) -> dict[str, Value] | None:
    """The bundle at the reader's position, None for null; ParcelError for anything else."""
    layout = layout or Layout.of_wire(reader.wire)
    length = reader.int32()
    if length < 0:
        return None
    if length == 0:
        return {}
    start = reader.position + 4
    if (magic := reader.uint32()) != BUNDLE_MAGIC:
        raise ParcelError(f"at byte {start - 4}: expected a bundle's magic number, found {magic:#010x}")
    content = ParcelReader(reader.raw(length, "a bundle"), wire=reader.wire)
    bundle: dict[str, Value] = {}
    for _ in range(_count(content, "a bundle")):
        key = content.string16()
        if key is None or key in bundle:
            raise ParcelError(f"in the bundle at byte {start}: the key {key!r} is null or repeated")
        bundle[key] = read_value(content, layout, depth=depth + 1)
    if content.remaining:
        raise ParcelError(f"in the bundle at byte {start}: {content.remaining} bytes follow its last value")
    if layout.bundles_flag_intents:
        reader.boolean()
    return bundle


def read_value(reader: ParcelReader, layout: Layout, *, depth: int = 0) -> Value:
    """The type and value at the reader's position; ParcelError for an unsupported type."""
    if depth > DEEPEST:
        raise ParcelError(f"at byte {reader.position}: a bundle nested deeper than {DEEPEST}")
    number = reader.int32()
    start = reader.position
    if number in _WITH_LENGTH and layout.values_have_lengths:
        length = reader.int32()
        reader = ParcelReader(reader.raw(length, "a value of a bundle"), wire=reader.wire)
    if number == ValueType.VAL_BUNDLE:
        return read_bundle(reader, layout=layout, depth=depth)
    if number == ValueType.VAL_LIST:
        return [read_value(reader, layout, depth=depth + 1) for _ in range(_count(reader, "a list"))]
    if number not in _BY_NUMBER:
        name = ValueType(number).name if number in ValueType._value2member_map_ else f"type {number}"
        raise ParcelError(f"at byte {start - 4}: a value of {name}, which is not supported")
    value: Value = _BY_NUMBER[number].read(reader)
    return value


def _count(reader: ParcelReader, what: str) -> int:
    count = reader.int32()
    if not 0 <= count <= reader.remaining:
        raise ParcelError(
            f"before byte {reader.position}: {what} of {count} values in {reader.remaining} bytes"
        )
    return count
