"""Lays C structures out as a 64-bit little-endian kernel does, from the annotations of a dataclass."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Self, TypeVar, dataclass_transform, get_type_hints

from emulator.base.errors import UsageError

u32 = Annotated[int, "I"]
s32 = Annotated[int, "i"]
u64 = Annotated[int, "Q"]
_RANGES = {"I": range(1 << 32), "i": range(-(1 << 31), 1 << 31), "Q": range(1 << 64)}
"""The numbers that each format takes."""
Address = Annotated[int, "Q", hex]
"""A `u64` (binder_uintptr_t) shown in hexadecimal."""


class TruncatedStructureError(ValueError):
    """There are fewer bytes than the structure has; callers add where they came from."""


class Structure:
    """Base of the dataclasses with a C layout: each field's annotation carries its `struct` format."""

    __slots__ = ()
    PACKED: ClassVar[bool] = False

    def __repr__(self) -> str:
        layout = _LAYOUTS[type(self)]
        shown = (f"{name}={layout.show[name](getattr(self, name))}" for name in layout.offsets)
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def sizeof(cls) -> int:
        """Size in bytes, trailing padding included."""
        return _LAYOUTS[cls].codec.size

    @classmethod
    def offsetof(cls, field: str) -> int:
        """Offset of a field in bytes."""
        return _LAYOUTS[cls].offsets[field]

    def pack(self) -> bytes:
        """The structure's `sizeof()` bytes, padding zeroed; UsageError for a number that does not fit."""
        layout = _LAYOUTS[type(self)]
        try:
            return layout.codec.pack(*[getattr(self, name) for name in layout.offsets])
        except struct.error as error:
            raise UsageError(self._misfit() or str(error)) from error

    def _misfit(self) -> str | None:
        """Which number does not fit its field."""
        for name, annotation in get_type_hints(type(self), include_extras=True).items():
            text, value = getattr(annotation, "__metadata__", ("",))[0], getattr(self, name, None)
            if text in _RANGES and isinstance(value, int) and value not in _RANGES[text]:
                least, most = _RANGES[text][0], _RANGES[text][-1]
                return f"{type(self).__name__}.{name} is {value:,}, and takes {least:,} to {most:,}."
        return None

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> Self:
        """Read one from `data` at `offset`; TruncatedStructureError if it does not fit."""
        layout = _LAYOUTS[cls]
        if offset < 0 or offset + layout.codec.size > len(data):
            raise TruncatedStructureError(
                f"{cls.__name__} takes {layout.codec.size} bytes, {max(0, len(data) - offset)} are left"
            )
        values = layout.codec.unpack_from(data, offset)
        if layout.convert:
            converted = list(values)
            for position, convert in layout.convert:
                converted[position] = convert(values[position])
            return cls(*converted)
        return cls(*values)


@dataclass(frozen=True, slots=True)
class _Layout:
    codec: struct.Struct
    offsets: dict[str, int]
    convert: tuple[tuple[int, Any], ...]
    """The types of the fields that are not plain numbers, by their position."""
    show: dict[str, Any]


def _lay_out(structure: type[Structure]) -> _Layout:
    hints = get_type_hints(structure, include_extras=True)
    text, offset, widest = "<", 0, 1
    offsets: dict[str, int] = {}
    convert = []
    show = {}
    for field in fields(structure):  # type: ignore[arg-type]  # every subclass is a dataclass
        annotation = hints[field.name]
        field_format, *shown_by = annotation.__metadata__
        size = struct.calcsize(f"<{field_format}")
        alignment = 1 if structure.PACKED or field_format.endswith("s") else size
        padding = -offset % alignment
        text += f"{padding}x{field_format}"
        offset += padding
        offsets[field.name] = offset
        offset += size
        widest = max(widest, alignment)
        if annotation.__origin__ is not int:
            convert.append((len(offsets) - 1, annotation.__origin__))
        show[field.name] = shown_by[0] if shown_by else repr
    return _Layout(struct.Struct(f"{text}{-offset % widest}x"), offsets, tuple(convert), show)


class _Layouts(dict[type[Structure], _Layout]):
    """The layout of each structure, computed when it is first used."""

    def __missing__(self, structure: type[Structure]) -> _Layout:
        layout = self[structure] = _lay_out(structure)
        return layout


_LAYOUTS = _Layouts()

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True)
def structure(cls: Class) -> Class:
    """Make a Structure's subclass a frozen, slotted dataclass that prints addresses in hexadecimal."""
    return dataclass(frozen=True, slots=True, repr=False)(cls)  # type: ignore[return-value]
