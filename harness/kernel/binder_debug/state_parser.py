"""Parses Binder's `state`, `transactions` and `proc/PID` files, in every format of the drivers so far.

Sources: print_binder_* in drivers/android/binder.c and binder_alloc.c (Linux 5.4 to 6.18, and Android's
5.4 for priorities), debug_print in drivers/android/binder/*.rs (Linux 6.18).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from harness.kernel.binder_debug.state import (
    Buffer,
    BufferState,
    LooperState,
    Node,
    ProcessBlock,
    Reference,
    State,
    Thread,
)
from harness.kernel.binder_debug.work_parser import number, parse_work, pointer, truth

_FIGURE = r" [a-z_]+ (?:true|false|-?\d+(?::-?\d+)?)"
_PROCESS = re.compile(r"proc (\d+)")
_CONTEXT = re.compile(r"context (.+)")
_THREAD = re.compile(rf"  thread (?P<tid>\d+): l (?P<looper>[0-9a-f]+)(?P<figures>(?:{_FIGURE})*)")
_NODE = re.compile(
    r"  node (?P<id>\d+): u(?P<pointer>[0-9a-f]+) c(?P<cookie>[0-9a-f]+)"
    rf"(?P<figures>(?:{_FIGURE})*?)(?: proc(?P<holders>(?: \d+)*))?"
)
_REFERENCE = re.compile(
    r"  ref (?P<id>\d+): desc (?P<handle>\d+) (?P<dead>dead )?node (?P<node>\d+) "
    r"s (?P<strong>\d+) w (?P<weak>\d+)(?: d (?P<death>\S+))?"
)
_BUFFER = re.compile(
    r"  buffer (?P<id>\d+): (?P<where>[0-9a-f]+) "
    r"size (?P<data>\d+):(?P<offsets>\d+)(?::(?P<extra>\d+))? (?P<state>active|delivered)"
)
_RUST_BUFFER = re.compile(
    r"  buffer(?: (?P<id>\d+))?: (?P<offset>\d+) size (?P<size>\d+) pid (?P<pid>\d+)"
    r"(?P<oneway> oneway(?: true| false)?)? (?P<state>reserved|allocated)"
)
_HEADING = re.compile(r"binder (?:state|transactions|proc state):|dead nodes:")
_JOINED = re.compile(r"(?<=\S)(?=  \S)")
_SHORTEST_POINTER = 8


def parse_state(text: str) -> State:
    """Parse `state`, `transactions` or `proc/PID` in linear time; never fails."""
    outside: list[str] = []
    blocks: list[list[str]] = []
    for line in _lines(text):
        if _PROCESS.fullmatch(line):
            blocks.append([])
        (blocks[-1] if blocks else outside).append(line)
    dead_nodes: list[Node] = []
    unknown: list[str] = []
    for line, inner in _entries(outside):
        node = _node(line, inner, unknown)
        if node:
            dead_nodes.append(node)
        else:
            unknown += inner if _HEADING.fullmatch(line) else [line, *inner]
    return State(tuple(map(_process_block, blocks)), tuple(dead_nodes), tuple(unknown))


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line.startswith("  ref "):
            # The Rust driver ends no reference with a newline (process.rs): the next record follows directly.
            yield from _JOINED.split(line)
        elif line.strip():
            yield line


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Each line that starts a record, with the lines indented below it."""
    entry: tuple[str, list[str]] | None = None
    for line in lines:
        if entry and line.startswith("    "):
            entry[1].append(line)
            continue
        if entry:
            yield entry
        entry = (line, [])
    if entry:
        yield entry


def _process_block(lines: list[str]) -> ProcessBlock:
    pid = int(lines[0].removeprefix("proc "))
    context: str | None = None
    threads: list[Thread] = []
    nodes: list[Node] = []
    references: list[Reference] = []
    buffers: list[Buffer] = []
    pending: list[str] = []
    unknown: list[str] = []
    for line, inner in _entries(lines[1:]):
        if thread := _thread(line, inner, unknown):
            threads.append(thread)
        elif node := _node(line, inner, unknown):
            nodes.append(node)
        else:
            if reference := _reference(line):
                references.append(reference)
            elif buffer := _buffer(line) or _rust_buffer(line):
                buffers.append(buffer)
            elif match := _CONTEXT.fullmatch(line):
                context = match[1]
            elif not _HEADING.fullmatch(line):
                pending.append(line)
            unknown += inner
    transactions, work = parse_work(pending, unknown)
    return ProcessBlock(
        pid=pid,
        context=context,
        threads=tuple(threads),
        nodes=tuple(nodes),
        references=tuple(references),
        buffers=tuple(buffers),
        transactions=transactions,
        work=work,
        unknown_lines=tuple(unknown),
    )


def _thread(line: str, inner: list[str], unknown: list[str]) -> Thread | None:
    match = _THREAD.fullmatch(line)
    if match is None:
        return None
    figures = _figures(match["figures"])
    need_return = figures.pop("need_return", None)
    looper = int(match["looper"], 16)
    written_in_rust = need_return in ("true", "false")
    transactions, work = parse_work(inner, unknown)
    return Thread(
        tid=int(match["tid"]),
        looper=LooperState.from_rust(looper) if written_in_rust else LooperState(looper),
        need_return=truth(need_return),
        temporary_references=number(figures.pop("tr", None)),
        other=figures,
        transactions=transactions,
        work=work,
    )


def _node(line: str, inner: list[str], unknown: list[str]) -> Node | None:
    match = _NODE.fullmatch(line)
    if match is None:
        return None
    figures = _figures(match["figures"])
    policy, _, priority = figures.pop("pri", "").rpartition(":")
    transactions, work = parse_work(inner, unknown)
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
        transactions=transactions,
        work=work,
    )


def _reference(line: str) -> Reference | None:
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
    )


def _buffer(line: str) -> Buffer | None:
    match = _BUFFER.fullmatch(line)
    if match is None:
        return None
    where = int(match["where"], 16)
    # A pointer is padded to its full width; an offset is not, and a mapping serves at most 4 MiB.
    hashed = len(match["where"]) >= _SHORTEST_POINTER
    return Buffer(
        debug_id=int(match["id"]),
        offset=None if hashed else where,
        hashed_pointer=where if hashed else None,
        data_size=int(match["data"]),
        offsets_size=int(match["offsets"]),
        extra_size=number(match["extra"]),
        state=BufferState(match["state"]),
        sender=None,
        oneway=None,
    )


def _rust_buffer(line: str) -> Buffer | None:
    match = _RUST_BUFFER.fullmatch(line)
    if match is None:
        return None
    return Buffer(
        debug_id=number(match["id"]),
        offset=int(match["offset"]),
        hashed_pointer=None,
        data_size=int(match["size"]),
        offsets_size=None,
        extra_size=None,
        state=BufferState(match["state"]),
        sender=int(match["pid"]),
        oneway=match["oneway"] in (" oneway", " oneway true"),
    )


def _figures(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))
