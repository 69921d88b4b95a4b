"""Who holds buffers: what of each mapping is used, who fills it, and one-way queues that do not drain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from harness.binder.refusals.space import LARGEST_ONEWAY
from harness.framework.dumps.processes import ProcessNames
from harness.inspect.kinds import Answer, Place, Question, StatsOf
from harness.inspect.snapshot import Snapshot
from harness.kernel.binder_debug.state import Buffer, BufferState, ProcessBlock, Transaction
from harness.kernel.binder_debug.stats import ProcessStats, Stats
from harness.kernel.concise import counted

_WORD = 8
"""The driver rounds each part of a buffer up to this (binder_alloc.c, sanitized_size; Linux 6.12)."""
_PAGE_SIZES = (4096, 16384, 65536)
_LITTLE, _VERY_LITTLE = 0.2, 0.05
"""Shares of the one-way space; below a fifth the driver looks for who fills it (Linux 5.13)."""
_MANY = 0.25
"""The share of a mapping from which on its use is worth a word by itself."""


@dataclass(frozen=True, slots=True)
class Filler:
    """Who fills a mapping: None for what the records do not show."""

    sender: int | None
    node: int | None
    buffers: int
    size: int


@dataclass(frozen=True, slots=True)
class BufferUse:
    """The buffers of one open file; sizes in bytes, None for what the records do not show."""

    pid: int
    context: str | None
    buffers: int
    used: int
    oneway: int
    """Of one-way calls, as far as the records show them."""
    delivered: int
    """Buffers whose transaction has ended: the receiver has read them and not freed them."""
    mapping: int | None
    free: int | None
    largest_hole: int | None
    free_oneway: int | None
    fillers: tuple[Filler, ...]
    """The largest first."""


@dataclass(frozen=True, slots=True)
class NodeQueue:
    """One-way calls that wait until the buffer of the one before them is freed."""

    pid: int
    context: str | None
    node: int
    waiting: int
    size: int
    """Bytes of data."""
    oldest_ms: int | None
    current: int | None
    """The transaction whose buffer is not freed."""
    senders: tuple[int, ...]
    first: int
    """The transaction at the head of the queue."""


def buffers(snapshot: Snapshot, stats: StatsOf, names: ProcessNames) -> list[Answer]:
    """The use of each mapping, and the queues of nodes; what matters most first."""
    table = {each.debug_id: each for _, _, each in snapshot.transactions()}
    answers: list[Answer] = []
    for section, block in snapshot.blocks():
        if any(map(_size, block.buffers)):
            use = _use(block, stats.get((block.pid, block.context)), table)
            places = tuple(section.at(buffer.line) for buffer in block.buffers)
            answers.append(_use_answer(use, places, names))
        for queue, place in _queues(block, section.place.file):
            answers.append(_queue_answer(queue, place, names))
    return answers


def full_by_stats(stats: Stats, file: str, names: ProcessNames) -> list[Answer]:
    """The processes with little space left for one-way calls, by their counters."""
    answers: list[Answer] = []
    for each in stats.processes:
        free, mapping = each.free_oneway_space, _mapping(each)
        whole = mapping // 2 if mapping else LARGEST_ONEWAY
        # Without the mapping's size a small one may pass for a full one of libbinder's.
        if free is not None and free < whole * (_LITTLE if mapping else _VERY_LITTLE):
            of = f" of {whole:,}" if mapping else ""
            answers.append(
                Answer(
                    Question.BUFFERS,
                    f"{names.title(each.pid)} has {free:,}{of} bytes left for one-way calls"
                    f"{f' on {each.context}' if each.context else ''}: larger ones fail (ENOSPC), and "
                    "below a fifth the driver warns who fills it.",
                    places=(Place(file, each.line),),
                    value=each,
                    weight=1e9 - free,
                )
            )
    return answers


def undrained(before: Snapshot, after: Snapshot, names: ProcessNames) -> list[Answer]:
    """The queues whose head is the same in two dumps."""
    heads = {
        (queue.pid, queue.node): queue
        for section, block in before.blocks()
        for queue, _ in _queues(block, section.place.file)
    }
    answers: list[Answer] = []
    for section, block in after.blocks():
        for queue, place in _queues(block, section.place.file):
            old = heads.get((queue.pid, queue.node))
            if old and old.first == queue.first:
                answers.append(
                    Answer(
                        Question.BUFFERS,
                        f"The one-way queue of node {queue.node} in {names.title(queue.pid)} does not drain: "
                        f"transaction {queue.first} heads it in both dumps, and "
                        f"{counted(old.waiting, 'waiting call')} became {queue.waiting:,}.",
                        places=(place,),
                        value=queue,
                        weight=2e9,
                    )
                )
    return answers


def _size(buffer: Buffer) -> int:
    parts = (buffer.data_size, buffer.offsets_size or 0, buffer.extra_size or 0)
    return sum(-(-part // _WORD) * _WORD for part in parts)


def _use(block: ProcessBlock, stats: ProcessStats | None, table: Mapping[int, Transaction]) -> BufferUse:
    used = sum(map(_size, block.buffers))
    mapping = _mapping(stats)
    filled: defaultdict[tuple[int | None, int | None], list[int]] = defaultdict(list)
    oneway = 0
    for buffer in block.buffers:
        transaction = None if buffer.debug_id is None else table.get(buffer.debug_id)
        sender = buffer.sender or (transaction.from_pid or None if transaction else None)
        node = transaction.node if transaction else None
        filled[sender, node].append(_size(buffer))
        if buffer.oneway or (buffer.oneway is None and transaction and transaction.one_way):
            oneway += _size(buffer)
    fillers = [Filler(sender, node, len(sizes), sum(sizes)) for (sender, node), sizes in filled.items()]
    return BufferUse(
        block.pid,
        block.context,
        len(block.buffers),
        used,
        oneway,
        sum(buffer.state == BufferState.DELIVERED for buffer in block.buffers),
        mapping,
        None if mapping is None else mapping - used,
        None if mapping is None else _largest_hole(block.buffers, mapping),
        stats.free_oneway_space if stats else None,
        tuple(sorted(fillers, key=lambda filler: -filler.size)),
    )


def _mapping(stats: ProcessStats | None) -> int | None:
    """A mapping's size by its pages, whose size shows: the one-way space is at most half of it."""
    if stats is None or stats.pages is None:
        return None
    pages = stats.pages.active + stats.pages.lru + stats.pages.free
    for size in _PAGE_SIZES:
        if pages and (stats.free_oneway_space or 0) <= pages * size // 2:
            return pages * size
    return None


def _largest_hole(found: tuple[Buffer, ...], mapping: int) -> int | None:
    if any(buffer.offset is None for buffer in found):
        return None
    hole, end = 0, 0
    for offset, size in sorted((buffer.offset or 0, _size(buffer)) for buffer in found):
        hole, end = max(hole, offset - end), max(end, offset + size)
    return max(hole, mapping - end)


def _use_answer(use: BufferUse, places: tuple[Place, ...], names: ProcessNames) -> Answer:
    sentence = f"{names.title(use.pid)} holds {counted(use.buffers, 'buffer')} of {use.used:,} bytes"
    if use.context:
        sentence += f" on {use.context}"
    if use.mapping is not None and use.free is not None:
        sentence += f", {use.used / use.mapping:.0%} of its mapping of {use.mapping:,}; {use.free:,} are free"
        if use.largest_hole == use.free:
            sentence += " in one piece"
        elif use.largest_hole is not None:
            sentence += f", the largest piece of them {use.largest_hole:,}"
    if use.oneway:
        sentence += f"; {use.oneway:,} bytes are of one-way calls"
    if use.free_oneway is not None:
        sentence += f"; {use.free_oneway:,} are left for one-way calls"
    if use.delivered:
        sentence += f"; {counted(use.delivered, 'buffer')} delivered and not freed"
    details = tuple(
        f"{counted(filler.buffers, 'buffer')} of {filler.size:,} bytes, "
        f"{f'from {names.title(filler.sender)}' if filler.sender else 'of a sender that is not shown'}"
        f"{'' if filler.node is None else f', for node {filler.node}'}"
        for filler in use.fillers[:5]
    )
    full = use.mapping is not None and use.used > use.mapping * _MANY
    return Answer(
        Question.BUFFERS, f"{sentence}.", details, places, use, weight=use.used + (1e8 if full else 0)
    )


def _queues(block: ProcessBlock, file: str) -> list[tuple[NodeQueue, Place]]:
    found: list[tuple[NodeQueue, Place]] = []
    buffered = {buffer.debug_id for buffer in block.buffers if buffer.debug_id is not None}
    waiting = {each.debug_id for node in block.nodes for each in node.transactions}
    shown = {each.debug_id: each for each in block.transactions}
    shown |= {each.debug_id: each for thread in block.threads for each in thread.transactions}
    for node in block.nodes:
        queue = node.transactions
        if not queue:
            continue
        current = [
            number
            for number in buffered - waiting
            if number in shown and shown[number].node == node.debug_id and shown[number].one_way
        ]
        elapsed = [each.elapsed_ms for each in queue if each.elapsed_ms is not None]
        senders = Counter(each.from_pid for each in queue if each.from_pid)
        found.append(
            (
                NodeQueue(
                    block.pid,
                    block.context,
                    node.debug_id,
                    len(queue),
                    sum(each.data_size or 0 for each in queue),
                    max(elapsed, default=None),
                    current[0] if current else None,
                    tuple(sender for sender, _ in senders.most_common()),
                    queue[0].debug_id,
                ),
                Place(file, node.line),
            )
        )
    return found


def _queue_answer(queue: NodeQueue, place: Place, names: ProcessNames) -> Answer:
    since = "" if queue.oldest_ms is None else f", the oldest for {queue.oldest_ms:,} ms"
    senders = ", ".join(names.title(sender) for sender in queue.senders)
    by = f" from {senders}" if senders else ""
    behind = f" behind transaction {queue.current}" if queue.current else " until its current buffer is freed"
    wait = "waits" if queue.waiting == 1 else "wait"
    return Answer(
        Question.BUFFERS,
        f"{counted(queue.waiting, 'one-way call')} of {queue.size:,} bytes{by} {wait} for node {queue.node} "
        f"of {names.title(queue.pid)}{behind}{since}: a node is given one of them at a time.",
        places=(place,),
        value=queue,
        weight=queue.size + queue.waiting * 1e4,
    )
