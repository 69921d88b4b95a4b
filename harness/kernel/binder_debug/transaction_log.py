"""Binder's logs of the last transactions: its files `transaction_log` and `failed_transaction_log`.

Each contains the last 32 entries. The format is that of print_binder_transaction_log_entry in
drivers/android/binder.c (Linux 4.14 to 6.18); the Rust driver keeps no such logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class CallType(Enum):
    """The kind of a logged transaction."""

    CALL = "call"
    REPLY = "reply"
    ASYNC = "async"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One transaction, as the driver logged it."""

    debug_id: int
    call_type: CallType
    from_pid: int
    from_tid: int
    to_pid: int
    """0 if it failed before the receiver was found."""
    to_tid: int
    """0 if any thread of the receiver may take it."""
    context: str
    node: int
    """The debug id of the target node; 0 for a reply."""
    handle: int
    """The handle the sender named; 0 for a reply."""
    data_size: int
    """Bytes."""
    offsets_size: int
    return_error: int
    """The BR_* code that the sender received; 0 or BR_OK for success."""
    return_error_param: int
    """The negative errno behind it."""
    return_error_line: int
    """The line of binder.c where it failed."""
    complete: bool
    """False if the driver was still writing the entry."""
    other: str
    """Any text that the kernel prints after these fields."""

    @property
    def failed(self) -> bool:
        """Whether the driver returned an error to the sender."""
        return self.return_error_line != 0


@dataclass(frozen=True, slots=True)
class TransactionLog:
    """Either log, the oldest entry first."""

    entries: tuple[LogEntry, ...]
    unknown_lines: tuple[str, ...]


_ENTRY = re.compile(
    r"(?P<id>\d+): (?P<type>call|reply|async) *from (?P<from_pid>\d+):(?P<from_tid>\d+) "
    r"to (?P<to_pid>\d+):(?P<to_tid>\d+) context (?P<context>\S*) node (?P<node>-?\d+) "
    r"handle (?P<handle>-?\d+) size (?P<data>-?\d+):(?P<offsets>-?\d+) "
    r"ret (?P<error>-?\d+)/(?P<param>-?\d+) l=(?P<line>\d+)(?P<incomplete> \(incomplete\))?(?P<other>.*)"
)


def parse_transaction_log(text: str) -> TransactionLog:
    """Parse either log; never fails: lines of unknown format are kept."""
    entries: list[LogEntry] = []
    unknown: list[str] = []
    for line in filter(str.strip, text.split("\n")):
        if match := _ENTRY.fullmatch(line):
            entries.append(_entry(match))
        else:
            unknown.append(line)
    return TransactionLog(tuple(entries), tuple(unknown))


def _entry(match: re.Match[str]) -> LogEntry:
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
        return_error=int(match["error"]),
        return_error_param=int(match["param"]),
        return_error_line=int(match["line"]),
        complete=match["incomplete"] is None,
        other=match["other"].strip(),
    )
