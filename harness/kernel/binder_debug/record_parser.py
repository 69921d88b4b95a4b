"""Parses single records of the driver's debug files: a thread, a node, a handle, a buffer.

Sources: print_binder_thread_ilocked, print_binder_node_nilocked, print_binder_ref_olocked and
print_binder_buffer in drivers/android/binder.c and binder_alloc.c (Linux 3.10 to 7.3, and Android's 5.4 for
priorities), debug_print in drivers/android/binder/*.rs (Linux 6.18).
"""

from __future__ import annotations

import re

from harness.kernel.binder_debug.lines import Line
from harness.kernel.binder_debug.state import (
    Buffer,
    BufferState,
    LooperState,
    Node,
    Reference,
    Thread,
    Transaction,
)
from harness.kernel.binder_debug.work_parser import (
    number,
    parse_other_work,
    parse_transaction,
    pointer,
    truth,
)

_FIGURE = r" [a-z_]+ (?:true|false|-?\d+(?::-?\d+)?)"
_THREAD = re.compile(rf"\s*thread (?P<tid>\d+): l (?P<looper>[0-9a-f]+)(?P<figures>(?:{_FIGURE})*)\s*")
_NODE = re.compile(
    r"\s*node (?P<id>\d+): u(?P<pointer>[0-9a-f]+) c(?P<cookie>[0-9a-f]+)"
    rf"(?P<figures>(?:{_FIGURE})*?)(?: proc(?P<holders>(?: +\d+)*))?\s*"
)
_REFERENCE = re.compile(
    r"\s*ref (?P<id>\d+): desc (?P<handle>\d+) (?P<dead>dead )?node (?P<node>\d+) "
    r"s (?P<strong>\d+) w (?P<weak>\d+)(?: d +(?P<death>[0-9a-f]{1,16}|\(\S+\)))?\s*"
)
_BUFFER = re.compile(
    r"\s*buffer (?P<id>\d+): +(?P<where>[0-9a-f]+|\(null\)) "
    r"size (?P<data>\d+):(?P<offsets>\d+)(?::(?P<extra>\d+))? (?P<state>active|delivered)\s*"
)
_RUST_BUFFER = re.compile(
    r"\s*buffer(?: (?P<id>\d+))?: (?P<offset>\d+) size (?P<size>\d+) pid (?P<pid>\d+)"
    r"(?P<oneway> oneway(?: true| false)?)? (?P<state>reserved|allocated)\s*"
)
_SHORTEST_POINTER = 8

Entry = tuple[Line, list[Line]]
"""A line that starts a record, and the lines indented below it."""


def is_record(line: str) -> bool:
    """Whether a line is a whole thread, node, handle or buffer."""
    patterns = (_THREAD, _NODE, _REFERENCE, _BUFFER, _RUST_BUFFER)
    return any(pattern.fullmatch(line) for pattern in patterns)


def sort_work(
    lines: list[Line], transactions: list[Transaction], work: list[str], unknown: list[str]
) -> None:
    """Add each line to the transactions, to the other work, or to what is unknown."""
    for where, line in lines:
        if transaction := parse_transaction(line, where):
            transactions.append(transaction)
        elif other := parse_other_work(line):
            work.append(other)
        else:
            unknown.append(line)


def parse_thread(entry: Entry, unknown: list[str]) -> Thread | None:
    """The thread that an entry describes; unknown lines below it are added to `unknown`."""
    (where, line), inner = entry
    match = _THREAD.fullmatch(line)
    if match is None:
        return None
    figures = _figures(match["figures"])
    need_return = figures.pop("need_return", None)
    looper = int(match["looper"], 16)
    written_in_rust = need_return in ("true", "false")
    transactions: list[Transaction] = []
    work: list[str] = []
    sort_work(inner, transactions, work, unknown)
    return Thread(
        tid=int(match["tid"]),
        looper=LooperState.from_rust(looper) if written_in_rust else LooperState(looper),
        need_return=truth(need_return),
        temporary_references=number(figures.pop("tr", None)),
        other=figures,
        transactions=tuple(transactions),
        work=tuple(work),
        line=where,
    )


def parse_node(entry: Entry, unknown: list[str]) -> Node | None:
    """The node that an entry describes; unknown lines below it are added to `unknown`."""
    (where, line), inner = entry
    match = _NODE.fullmatch(line)
    if match is None:
        return None
    figures = _figures(match["figures"])
    policy, _, priority = figures.pop("pri", "").rpartition(":")
    transactions: list[Transaction] = []
    work: list[str] = []
    sort_work(inner, transactions, work, unknown)
    return Node(
        debug_id=int(match["id"]),
        pointer=int(match["pointer"], 16),
        cookie=int(match["cookie"], 16),
        scheduling_policy=number(policy or None),
        priority=number(priority or None),
        has_strong_reference=bool(truth(figures.pop("hs", None))),
        has_weak_reference=bool(truth(figures.pop("hw", None))),
        local_strong=number(figures.pop("ls", None)),
        local_weak=number(figures.pop("lw", None)),
        internal_strong=number(figures.pop("is", None)),
        internal_weak=number(figures.pop("iw", None)),
        temporary_references=number(figures.pop("tr", None)),
        strong=number(figures.pop("cs", None)),
        weak=number(figures.pop("cw", None)),
        holders=tuple(map(int, (match["holders"] or "").split())),
        other=figures,
        transactions=tuple(transactions),
        work=tuple(work),
        line=where,
    )


def parse_reference(where: int, line: str) -> Reference | None:
    """The handle in a line."""
    match = _REFERENCE.fullmatch(line)
    if match is None:
        return None
    return Reference(
        debug_id=int(match["id"]),
        handle=int(match["handle"]),
        node=int(match["node"]),
        node_dead=match["dead"] is not None,
        strong=int(match["strong"]),
        weak=int(match["weak"]),
        death_notification=pointer(match["death"]),
        line=where,
    )


def parse_buffer(where: int, line: str) -> Buffer | None:
    """The buffer in a line of either driver."""
    return _c_buffer(where, line) or _rust_buffer(where, line)


def _c_buffer(where: int, line: str) -> Buffer | None:
    match = _BUFFER.fullmatch(line)
    if match is None:
        return None
    address = pointer(match["where"])
    # A pointer is padded to its full width; an offset is not, and a mapping serves at most 4 MiB.
    hashed = len(match["where"]) >= _SHORTEST_POINTER or match["where"] == "(null)"
    return Buffer(
        debug_id=int(match["id"]),
        offset=None if hashed else address,
        hashed_pointer=address if hashed else None,
        data_size=int(match["data"]),
        offsets_size=int(match["offsets"]),
        extra_size=number(match["extra"]),
        state=BufferState(match["state"]),
        sender=None,
        oneway=None,
        line=where,
    )


def _rust_buffer(where: int, line: str) -> Buffer | None:
    match = _RUST_BUFFER.fullmatch(line)
    if match is None:
        return None
    return Buffer(
        debug_id=number(match["id"]) or None,  # 0 is no id here: it stands for every buffer
        offset=int(match["offset"]),
        hashed_pointer=None,
        data_size=int(match["size"]),
        offsets_size=None,
        extra_size=None,
        state=BufferState(match["state"]),
        sender=int(match["pid"]),
        oneway=match["oneway"] in (" oneway", " oneway true"),
        line=where,
    )


def _figures(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))
