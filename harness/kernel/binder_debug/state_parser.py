"""Parses Binder's `state`, `transactions` and `proc/PID` files, in every format of the drivers so far.

Sources: print_binder_* in drivers/android/binder.c and binder_alloc.c (Linux 3.10 to 7.3, and Android's
5.4 for priorities), debug_print in drivers/android/binder/*.rs (Linux 6.18).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.kernel.binder_debug.lines import Line, numbered, rejoined
from harness.kernel.binder_debug.record_parser import (
    Entry,
    is_record,
    parse_buffer,
    parse_node,
    parse_reference,
    parse_thread,
    sort_work,
)
from harness.kernel.binder_debug.state import (
    Buffer,
    Node,
    ProcessBlock,
    Reference,
    State,
    Thread,
    Transaction,
)
from harness.kernel.binder_debug.work_parser import parse_transaction

_PROCESS = re.compile(r"\s*proc (\d+)\s*")
_CONTEXT = re.compile(r"\s*context (\S+)\s*")
_HEADING = re.compile(r"\s*(?:binder (?:state|transactions|proc state):|dead nodes:)\s*")
_DEAD_NODES = "dead nodes:"
_JOINED = re.compile(r"(?<=\S)(?=  (?:ref|buffer|has|pending|node|thread|transaction)\b)")
_HELD = re.compile(r"node \d+: .* iw [1-9]")
_INDENT = re.compile(r"(?:[A-Z]\w*(?= +\w+ (?:async )?transaction ))?\s*")
_STARTS = re.compile(
    r"\s*(?:[A-Z]\w* +)?(?:proc \d|context \S|thread \d+:|node \d+: |ref \d+: |buffer\b|binder |dead nodes:|"
    r"(?:incoming|outgoing|bad|pending async|pending) transaction |\(skipped\)|transaction |node work |has |"
    r"unknown work)"
)


@dataclass(slots=True)
class _Records:
    """What was found so far below one `proc` line, or outside of any."""

    pid: int = 0
    line: int = 0
    context: str | None = None
    threads: list[Thread] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    work: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def block(self) -> ProcessBlock:
        return ProcessBlock(
            pid=self.pid,
            context=self.context,
            threads=tuple(self.threads),
            nodes=tuple(self.nodes),
            references=tuple(self.references),
            buffers=tuple(self.buffers),
            transactions=tuple(self.transactions),
            work=tuple(self.work),
            unknown_lines=tuple(self.unknown),
            line=self.line,
        )

    def __bool__(self) -> bool:
        return any((self.threads, self.nodes, self.references, self.buffers, self.transactions, self.work))


def parse_state(text: str, *, first_line: int = 1) -> State:
    """Parse `state`, `transactions` or `proc/PID`, or single lines of them, in linear time; never fails.

    Carriage returns, the prefixes of grep and of quotations, lines that a terminal broke and a vendor's word
    before a transaction are understood. `first_line` is the number of the text's first line.
    """
    outside = _Records()
    blocks: list[_Records] = []
    dead_nodes: list[Node] = []
    dead = False
    for entry in _entries(_lines(text, first_line)):
        (where, line), inner = entry
        if match := _PROCESS.fullmatch(line):
            blocks.append(_Records(int(match[1]), where))
            blocks[-1].unknown += [each for _, each in inner]
        elif _HEADING.fullmatch(line):
            dead = line.strip() == _DEAD_NODES
            (blocks[-1] if blocks else outside).unknown += [each for _, each in inner]
        elif dead and not blocks and (node := parse_node(entry, outside.unknown)):
            dead_nodes.append(node)
        else:
            _add(entry, blocks[-1] if blocks else outside)
    return State(
        tuple(records.block() for records in blocks),
        tuple(dead_nodes),
        tuple(outside.unknown),
        outside.block() if outside else None,
    )


def _lines(text: str, first: int) -> Iterator[Line]:
    for where, line in rejoined(numbered(text, first), starts=_begins, whole=_whole, counts=" proc "):
        if line.lstrip().startswith("ref "):
            # The Rust driver ends no reference with a newline (process.rs): the next record follows directly.
            yield from ((where, piece) for piece in _JOINED.split(line))
        else:
            yield where, line


def _begins(line: str, before: str) -> bool:
    if line.lstrip().startswith("proc ") and _HELD.search(before) and " proc " not in before:
        return False  # the holders of the node in the line before
    return _STARTS.match(line) is not None


def _whole(line: str) -> bool:
    transaction = parse_transaction(line)
    if transaction:
        return not transaction.other
    return is_record(line)


def _entries(lines: Iterator[Line]) -> Iterator[Entry]:
    """Each line that starts a record, with the lines below it that are indented deeper.

    Where all indentation is lost, the transactions and the work after a thread or a node are its own.
    """
    entry: Entry | None = None
    for where, line in lines:
        if entry and _belongs(line, entry[0][1]):
            entry[1].append((where, line))
            continue
        if entry:
            yield entry
        entry = ((where, line), [])
    if entry:
        yield entry


def _belongs(line: str, record: str) -> bool:
    if not record.lstrip().startswith(("thread ", "node ")):
        return False
    if _STARTS.match(line) and _indent(line) == _indent(record) == 0:
        return "transaction " in line or line.startswith("node work")
    return _indent(line) > _indent(record)


def _indent(line: str) -> int:
    found = _INDENT.match(line)
    return found.end() if found else 0


def _add(entry: Entry, records: _Records) -> None:
    (where, line), inner = entry
    if thread := parse_thread(entry, records.unknown):
        records.threads.append(thread)
        return
    if node := parse_node(entry, records.unknown):
        records.nodes.append(node)
        return
    if reference := parse_reference(where, line):
        records.references.append(reference)
    elif buffer := parse_buffer(where, line):
        records.buffers.append(buffer)
    elif match := _CONTEXT.fullmatch(line):
        records.context = match[1]
    else:
        sort_work([(where, line)], records.transactions, records.work, records.unknown)
    records.unknown += [each for _, each in inner]
