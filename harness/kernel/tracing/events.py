"""Parses the lines of the kernel's trace: time, processor, thread, event and fields.

The format is that of trace_print_context in kernel/trace/trace_output.c (Linux 5.4 to 6.18).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.base.lines import without_long_numbers

Fields = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One line of the trace."""

    timestamp: float
    """Seconds, to the microsecond, on the recording's clock."""
    cpu: int
    task: str
    """The thread's name; `<...>` if the kernel no longer has it."""
    tid: int
    process: int | None
    """The process id, if the trace records it."""
    name: str
    fields: Fields
    """The event's fields under the kernel's names; decimal and hexadecimal numbers as int."""
    text: str
    """All text after the event's name, as printed."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace in order of time, with the lines that are not events."""

    events: tuple[TraceEvent, ...]
    unknown_lines: tuple[str, ...]


_TASK_LENGTH = 16
_LINE = re.compile(
    # A name may contain anything, even text that looks like the rest of the line, but is no longer than this.
    rf"\s*(?P<task>.{{0,{_TASK_LENGTH}}})-(?P<tid>\d+)\s+"
    r"(?:\(\s*(?P<process>\d+|-+)\)\s+)?"
    r"\[(?P<cpu>\d+)\]\s+"
    r"(?:[^\s\d]\S{2,7}\s+)?"  # irqs-off, need-resched, … : 4 letters, 5 since Linux 5.18, more on RT kernels
    r"(?P<timestamp>\d+(?:\.\d+)?): (?P<body>.*)"
)
_NAMED = re.compile(r"(?P<name>[\w.]+):(?P<text>.*)")
_FIELD = re.compile(r"(?:^|\s)(?:==> )?([A-Za-z_]\w*)=")
_SYSCALL_ENTRY = re.compile(r"sys_(?P<name>\w+)\((?P<arguments>.*)\)")
_SYSCALL_EXIT = re.compile(r"sys_(?P<name>\w+) -> (?P<result>.*)")
_SYSCALL_ARGUMENT = re.compile(r"(?:^|, )([A-Za-z_]\w*): ")
_NUMBER = re.compile(r"-?(?:0x[0-9a-fA-F]+|\d+)")


def parse_trace(text: str) -> Trace:
    """Parse the content of `trace`, without its headings; never fails: lines of unknown format are kept."""
    events: list[TraceEvent] = []
    unknown: list[str] = []
    for line in without_long_numbers(text).replace("\r\n", "\n").split("\n"):
        if event := _event(line):
            events.append(event)
        elif line.strip() and not line.startswith("#"):
            unknown.append(line)
    return Trace(tuple(events), tuple(unknown))


def parse_fields(text: str) -> Fields:
    """The `name=value` pairs in an event's text, whatever is between them.

    A value extends to the next name, so strings may contain blanks; of `cmd=0x40 BC_REPLY` the value is the
    number, and the rest is in TraceEvent.text only.
    """
    return _pairs(_FIELD, without_long_numbers(text))


def _event(line: str) -> TraceEvent | None:
    match = _LINE.fullmatch(line)
    described = match and _described(match["body"])
    if not match or not described:
        return None
    name, text, fields = described
    process = match["process"]
    return TraceEvent(
        timestamp=float(match["timestamp"]),
        cpu=int(match["cpu"]),
        task=match["task"],
        tid=int(match["tid"]),
        process=int(process) if process and process.isdecimal() else None,
        name=name,
        fields=fields,
        text=text,
    )


def _described(body: str) -> tuple[str, str, Fields] | None:
    """The event's name, its text and its fields."""
    # Only system calls are printed without their event's name (kernel/trace/trace_syscalls.c).
    if match := _SYSCALL_ENTRY.fullmatch(body):
        return f"sys_enter_{match['name']}", body, _pairs(_SYSCALL_ARGUMENT, match["arguments"])
    if match := _SYSCALL_EXIT.fullmatch(body):
        return f"sys_exit_{match['name']}", body, {"ret": _value(match["result"])}
    if match := _NAMED.fullmatch(body):
        text = match["text"].strip()
        return match["name"], text, parse_fields(text)
    return None


def _pairs(field: re.Pattern[str], text: str) -> Fields:
    pieces = field.split(text)
    return {name: _value(value.strip()) for name, value in zip(pieces[1::2], pieces[2::2], strict=True)}


def _value(text: str) -> int | str:
    first = text.partition(" ")[0]
    if _NUMBER.fullmatch(first):
        return int(first, 16 if "x" in first else 10)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
