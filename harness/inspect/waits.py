"""Who waits for whom: the chains of blocked transactions through processes and threads, and their cycles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.framework.dumps.processes import ProcessNames
from harness.inspect.kinds import Answer, Place, Question, StatsOf
from harness.inspect.snapshot import Snapshot
from harness.kernel.binder_debug.state import ProcessBlock, Thread, Transaction
from harness.kernel.concise import counted

End = tuple[int, int]
"""A thread: its process and its own id."""
_LONGEST_CHAIN = 50


@dataclass(frozen=True, slots=True)
class Wait:
    """A thread that waits for the reply to a call."""

    thread: End
    transaction: int
    to_pid: int
    taker: int | None
    """The thread that took the call, where it is shown."""
    queued: bool | None
    """Whether no thread has taken it; None where that is not shown."""
    code: int
    elapsed_ms: int | None
    """None where the kernel does not print it (before Linux 6.8)."""
    place: Place


@dataclass(frozen=True, slots=True)
class Deadlock:
    """Threads in a circle: each waits for the next, the last one for the first."""

    waits: tuple[Wait, ...]
    behind: tuple[Wait, ...]
    """Further waits that end in the circle."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds up others, at the end of their chains."""

    pid: int
    tid: int | None
    """None where no thread has taken the call."""
    shown: bool
    """Whether the records show the thread itself, and so that it waits for nobody in Binder."""
    waits: tuple[Wait, ...]
    """Those that end here, the one that it handles first."""


class WaitGraph:
    """The waits of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.waits: dict[End, Wait] = {}
        self.pools: defaultdict[tuple[int, str | None], set[End]] = defaultdict(set)
        self._contexts: dict[int, str | None] = {}
        self._taken: dict[int, End] = {}
        self._queued: set[int] = set()
        self._shown: set[End] = set()
        for section, block in snapshot.blocks():
            for thread in block.threads if block.pid else ():
                end = (block.pid, thread.tid)
                self._shown.add(end)
                if thread.is_looper:
                    self.pools[block.pid, block.context].add(end)
                self._take_stack(end, block, thread, section.place.file)
        for section, block, transaction in snapshot.transactions():
            self._take_other_end(block, transaction, section.at(transaction.line))
        for end, wait in self.waits.items():
            if wait.queued is None and wait.transaction in self._queued:
                self.waits[end] = replace(wait, queued=True)

    def _take_stack(self, end: End, block: ProcessBlock, thread: Thread, file: str) -> None:
        for each in thread.stack:
            if each.role == "incoming":
                self._taken[each.debug_id] = end
        innermost = next(iter(thread.stack), None)
        woken = any(each.role == "pending" for each in thread.transactions)
        if innermost and innermost.role == "outgoing" and not innermost.one_way and not woken:
            self._contexts[innermost.debug_id] = block.context
            self.waits[end] = _wait(end, innermost, Place(file, innermost.line))

    def _take_other_end(self, block: ProcessBlock, transaction: Transaction, place: Place) -> None:
        """Note the wait of a thread that the text shows only at the other end of its call."""
        if block.pid == 0 and transaction.role == "incoming" and transaction.to_tid:
            self._taken.setdefault(transaction.debug_id, (transaction.to_pid, transaction.to_tid))
        if transaction.role == "pending" and transaction.debug_id not in self._taken:
            self._queued.add(transaction.debug_id)
        sender = (transaction.from_pid, transaction.from_tid)
        is_call = (
            not transaction.one_way and not transaction.is_reply and transaction.needs_reply is not False
        )
        if is_call and sender[0] and sender not in self._shown and transaction.role != "bad":
            self._contexts.setdefault(transaction.debug_id, block.context)
            known = self.waits.get(sender)
            if known is None or known.transaction < transaction.debug_id:
                self.waits[sender] = _wait(sender, transaction, place)

    def taker(self, wait: Wait) -> End | None:
        """The thread that handles the call."""
        if wait.transaction in self._taken:
            return self._taken[wait.transaction]
        return (wait.to_pid, wait.taker) if wait.taker else None

    def helpers(self, wait: Wait) -> set[End]:
        """The threads any of which can end a wait: who took the call, or who could take it."""
        taker = self.taker(wait)
        return {taker} if taker else self.pools[wait.to_pid, self._contexts.get(wait.transaction)]

    def stuck(self) -> set[End]:
        """The threads that wait only for each other: no thread that could help is free."""
        stuck = set(self.waits)
        while True:
            freed = {
                end for end in stuck if not (helpers := self.helpers(self.waits[end])) or not helpers <= stuck
            }
            if not freed:
                return stuck
            stuck -= freed

    def deadlocks(self) -> tuple[Deadlock, ...]:
        """The circles among the stuck threads, each with those that wait behind it."""
        stuck = self.stuck()
        circles: dict[frozenset[End], list[End]] = {}
        behind: defaultdict[frozenset[End], list[Wait]] = defaultdict(list)
        for start in sorted(stuck):
            path, end = [start], start
            while (end := min(self.helpers(self.waits[end]))) not in path:
                path.append(end)
            circle = path[path.index(end) :]
            key = frozenset(circle)
            first = circle.index(min(circle))
            circles.setdefault(key, circle[first:] + circle[:first])
            if start not in key:
                behind[key].append(self.waits[start])
        return tuple(
            Deadlock(tuple(self.waits[end] for end in circle), tuple(behind[key]))
            for key, circle in circles.items()
        )

    def holders(self) -> tuple[Holder, ...]:
        """Who holds up others without waiting, those with the most waits behind them first."""
        stuck = self.stuck()
        ending: defaultdict[tuple[int, int | None], list[tuple[int, Wait]]] = defaultdict(list)
        for start in sorted(set(self.waits) - stuck):
            end, steps = start, 0
            while True:
                wait = self.waits[end]
                taker = self.taker(wait)
                if taker is None or taker not in self.waits or steps > _LONGEST_CHAIN:
                    break
                end, steps = taker, steps + 1
            ending[taker or (wait.to_pid, None)].append((steps, self.waits[start]))
        found = [
            Holder(
                pid,
                tid,
                (pid, tid) in self._shown,
                tuple(wait for _, wait in sorted(waits, key=lambda each: each[0])),
            )
            for (pid, tid), waits in ending.items()
        ]
        return tuple(sorted(found, key=lambda holder: (-len(holder.waits), -_longest(holder.waits))))


def waits(snapshot: Snapshot, stats: StatsOf, names: ProcessNames) -> list[Answer]:
    """The deadlocks first, then who holds up others."""
    graph = WaitGraph(snapshot)
    answers: list[Answer] = []
    for deadlock in graph.deadlocks():
        circle = deadlock.waits
        members = " → ".join(_thread(wait.thread, names) for wait in (*circle, circle[0]))
        behind = (
            f"; {counted(len(deadlock.behind), 'thread')} more wait behind them" if deadlock.behind else ""
        )
        answers.append(
            Answer(
                Question.WAITS,
                f"DEADLOCK of {counted(len(circle), 'thread')}: {members}{behind}.",
                (
                    *(_step(wait, graph, names) for wait in (*circle, *deadlock.behind)),
                    *_ways_out(circle, stats, names),
                ),
                tuple(wait.place for wait in (*circle, *deadlock.behind)),
                deadlock,
                weight=1e9 + len(circle),
            )
        )
    for holder in graph.holders():
        answers.append(
            Answer(
                Question.WAITS,
                _held_up(holder, names),
                tuple(_step(wait, graph, names) for wait in holder.waits),
                tuple(wait.place for wait in holder.waits),
                holder,
                weight=len(holder.waits) * 1e4 + _longest(holder.waits) / 1000,
            )
        )
    return answers


def _ways_out(circle: tuple[Wait, ...], stats: StatsOf, names: ProcessNames) -> Iterator[str]:
    """The processes of a circle that may start another thread, which would break it."""
    pids = {wait.thread[0] for wait in circle}
    for (pid, context), each in stats.items():
        if pid in pids and each.pool and (each.pool.requested or each.pool.started < each.pool.maximum):
            on = f" on {context}" if context else ""
            yield (
                f"{names.title(pid)} may still start a thread{on}, which would end it: "
                f"{each.pool.started} of {each.pool.maximum} are started, {each.pool.requested} requested"
            )


def _wait(end: End, transaction: Transaction, place: Place) -> Wait:
    return Wait(
        thread=end,
        transaction=transaction.debug_id,
        to_pid=transaction.to_pid,
        taker=transaction.to_tid or None,
        queued=_is_queued(transaction),
        code=transaction.code,
        elapsed_ms=transaction.elapsed_ms,
        place=place,
    )


def _is_queued(transaction: Transaction) -> bool | None:
    if transaction.to_tid is not None:
        return transaction.to_tid == 0
    return True if transaction.role == "pending" else None


def _longest(found: tuple[Wait, ...]) -> int:
    return max((wait.elapsed_ms or 0 for wait in found), default=0)


def _thread(end: End, names: ProcessNames) -> str:
    name = names.threads.get(end[1], "")
    own = f" “{name}”" if name and name != names.processes.get(end[0]) else ""
    return f"{names.title(end[0])} thread {end[1]}{own}"


def _step(wait: Wait, graph: WaitGraph, names: ProcessNames) -> str:
    taker = graph.taker(wait)
    untaken = ", where no thread has taken it" if wait.queued else ""
    receiver = _thread(taker, names) if taker else f"{names.title(wait.to_pid)}{untaken}"
    since = "" if wait.elapsed_ms is None else f", for {wait.elapsed_ms:,} ms"
    call = f"transaction {wait.transaction}, code {wait.code}{since}"
    return f"{_thread(wait.thread, names)} waits for {receiver}: {call}"


def _held_up(holder: Holder, names: ProcessNames) -> str:
    threads = counted(len(holder.waits), "thread")
    first = holder.waits[0]
    longest = _longest(holder.waits)
    since = f", the longest for {longest:,} ms" if longest else ""
    if holder.tid is None:
        reason = f"no thread of it has taken transaction {first.transaction}"
        if not first.queued:
            reason = f"it was sent transaction {first.transaction}, and its threads are not shown"
        return f"{names.title(holder.pid)} holds up {threads}{since}: {reason}."
    itself = (
        "and waits for nobody in Binder. Look at its stack."
        if holder.shown
        else "and whom it waits for is not shown."
    )
    return (
        f"{_thread((holder.pid, holder.tid), names)} holds up {threads}{since}: it handles transaction "
        f"{first.transaction} (code {first.code}) {itself}"
    )
