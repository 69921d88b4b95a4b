"""Decodes the binary records of a trace by the descriptions that the kernel gives of its events.

The syntax is that of events/SYSTEM/EVENT/format (kernel/trace/trace_events.c, f_show; Linux 5.4 to 6.18).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.base.lines import without_long_numbers
from harness.kernel.tracing.events import Fields

_FIELD = re.compile(
    r"field:(?P<declaration>[^;\n]*);"
    r"\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);\s*signed:(?P<signed>[01]);"
)
_DECLARATION = re.compile(r"(?P<type>(?:.*\W)?)(?P<name>\w+)(?P<array>\[[^\]]*\])?")
_HEADING = re.compile(r"^name: (?P<name>\S+)\nID: (?P<id>\d+)$", re.MULTILINE)
_CODES = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h"} | {
    (4, False): "I",
    (4, True): "i",
    (8, False): "Q",
    (8, True): "q",
}
_LARGEST = 1 << 16
"""Bytes of a record: the largest page of any processor."""
_COMMON = struct.Struct("<HBBi")
"""struct trace_entry: the event's id, flags, preempt count, and the thread."""
_LOCATION = struct.Struct("<HH")
"""Where a text of any length is in its record: __data_loc."""


@dataclass(frozen=True, slots=True)
class EventFormat:
    """How the records of one event are laid out."""

    name: str
    id: int
    numbers: struct.Struct
    names: tuple[str, ...]
    """The names of the numbers, in the order of `numbers`."""
    texts: Mapping[str, tuple[int, int]]
    """Fixed arrays of characters: offset and size."""
    located: Mapping[str, int]
    """Texts whose place is in the record: the offset of the word with length and place (__data_loc)."""

    def decode(self, record: bytes) -> Fields:
        """The fields that are numbers or text; those beyond a record that is too short are left out."""
        if len(record) < self.numbers.size:
            return {}
        fields: Fields = dict(zip(self.names, self.numbers.unpack_from(record), strict=True))
        for name, (offset, size) in self.texts.items():
            fields[name] = _text(record[offset : offset + size])
        for name, offset in self.located.items():
            if offset + _LOCATION.size <= len(record):
                place, length = _LOCATION.unpack_from(record, offset)
                fields[name] = _text(record[place : place + length])
        return fields


def event_of(record: bytes) -> tuple[int, int]:
    """The id of a record's event, and the thread it happened in; ValueError where it is too short."""
    if len(record) < _COMMON.size:
        raise ValueError(f"a record of {len(record)} bytes has no heading")
    event, _, _, thread = _COMMON.unpack_from(record)
    return event, thread


def parse_event_format(text: str, renamed: Mapping[str, str] | None = None) -> EventFormat | None:
    """Parse the content of an event's `format`; None for another text.

    `renamed` gives fields the names that they have in the text of a trace, which may differ.
    """
    text = without_long_numbers(text)
    heading = _HEADING.search(text)
    if heading is None:
        return None
    renamed = renamed or {}
    codes, names, end = ["<"], [], 0
    texts: dict[str, tuple[int, int]] = {}
    located: dict[str, int] = {}
    for field in _FIELD.finditer(text):
        declaration = _DECLARATION.fullmatch(field["declaration"])
        offset, size = int(field["offset"]), int(field["size"])
        if declaration is None or declaration["name"].startswith("common_") or offset + size > _LARGEST:
            continue
        name = renamed.get(declaration["name"], declaration["name"])
        code = _CODES.get((size, field["signed"] == "1"))
        if declaration["type"].startswith("__data_loc"):
            located[name] = offset
        elif declaration["array"]:
            if "char" in declaration["type"]:
                texts[name] = offset, size
        elif code is not None and offset >= end:
            codes.append(f"{offset - end}x{code}")
            names.append(name)
            end = offset + size
    return EventFormat(
        heading["name"], int(heading["id"]), struct.Struct("".join(codes)), tuple(names), texts, located
    )


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode(errors="replace")
