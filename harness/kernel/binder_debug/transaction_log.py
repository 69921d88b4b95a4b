"""Binder's logs of the last transactions: its files `transaction_log` and `failed_transaction_log`.

Each contains the last 32 entries. The format is that of print_binder_transaction_log_entry in
drivers/android/binder.c (Linux 3.10 to 7.3): the context came with 4.9, the result with 4.14. The Rust driver
keeps no such logs.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from harness.kernel.binder_debug.lines import numbered, rejoined
from harness.kernel.concise import Concise, Name
from harness.kernel.tracing.binder_transactions import FAILURES

RETURNS = FAILURES | {0: "0", 0x7201: "BR_OK"}
"""The names of the codes in an entry (include/uapi/linux/android/binder.h)."""


class CallType(Enum):
    """The kind of a logged transaction."""

    CALL = "call"
    REPLY = "reply"
    ASYNC = "async"


@dataclass(frozen=True, slots=True, repr=False)
class LogEntry(Concise):
    """One transaction, as the driver logged it."""

    debug_id: int
    call_type: CallType
    from_pid: int
    from_tid: int
    to_pid: int
    """0 if it failed before the receiver was found."""
    to_tid: int
    """0 if any thread of the receiver may take it."""
    context: str | None
    """The device's name; None before Linux 4.9."""
    node: int
    """The debug id of the target node; 0 for a reply."""
    handle: int
    """The handle the sender named; 0 for a reply."""
    data_size: int
    """Bytes."""
    offsets_size: int
    return_error: int | None
    """The BR_* code that the sender received; 0 or BR_OK for success. None before Linux 4.14."""
    return_error_param: int | None
    """The negative errno behind it."""
    return_error_line: int | None
    """The line of binder.c where it failed."""
    complete: bool
    """False if the driver was still writing the entry."""
    other: str
    """Any text that the kernel prints after these fields."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        """The fields to show; codes and errnos by their names."""
        for name, value in Concise.__rich_repr__(self):
            if name == "return_error" and isinstance(value, int):
                yield name, Name(RETURNS.get(value, f"{value}"))
            elif name == "return_error_param" and isinstance(value, int) and value:
                yield name, Name(f"-{errno.errorcode.get(-value, -value)}")
            else:
                yield name, value

    @property
    def failed(self) -> bool:
        """Whether the driver returned an error; before Linux 4.14 only the log's name shows it."""
        return bool(self.return_error_line)


@dataclass(frozen=True, slots=True)
class TransactionLog:
    """Either log, the oldest entry first."""

    entries: tuple[LogEntry, ...]
    unknown_lines: tuple[str, ...]


_ENTRY = re.compile(
    r"\s*(?P<id>\d+): (?P<type>call|reply|async) *from (?P<from_pid>\d+):(?P<from_tid>\d+) "
    r"to (?P<to_pid>\d+):(?P<to_tid>\d+)(?: context (?P<context>\S*))? node (?P<node>-?\d+) "
    r"handle (?P<handle>-?\d+) size (?P<data>-?\d+):(?P<offsets>-?\d+)"
    r"(?: ret (?P<error>-?\d+)/(?P<param>-?\d+) l=(?P<line>\d+))?"
    r"(?P<incomplete> \(incomplete\))?(?P<other>.*)"
)
_STARTS = re.compile(r"\s*\d+: (?:call|reply|async)\b")


def parse_transaction_log(text: str, *, first_line: int = 1) -> TransactionLog:
    """Parse either log; never fails: lines of unknown format are kept.

    `first_line` is the number of the text's first line.
    """
    entries: list[LogEntry] = []
    unknown: list[str] = []
    for where, line in rejoined(numbered(text, first_line), starts=_begins, whole=_whole):
        if match := _ENTRY.fullmatch(line):
            entries.append(_entry(match, where))
        else:
            unknown.append(line)
    return TransactionLog(tuple(entries), tuple(unknown))


def _begins(line: str, _before: str) -> bool:
    return _STARTS.match(line) is not None


def _whole(line: str) -> bool:
    match = _ENTRY.fullmatch(line)
    return match is not None and not match["other"].strip()


def _entry(match: re.Match[str], where: int) -> LogEntry:
    error, parameter, line = (_number(match[name]) for name in ("error", "param", "line"))
    return LogEntry(
        debug_id=int(match["id"]),
        call_type=CallType(match["type"]),
        from_pid=int(match["from_pid"]),
        from_tid=int(match["from_tid"]),
        to_pid=int(match["to_pid"]),
        to_tid=int(match["to_tid"]),
        context=match["context"],
        node=int(match["node"]),
        handle=int(match["handle"]),
        data_size=int(match["data"]),
        offsets_size=int(match["offsets"]),
        return_error=error,
        return_error_param=parameter,
        return_error_line=line,
        complete=match["incomplete"] is None,
        other=match["other"].strip(),
        line=where,
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
