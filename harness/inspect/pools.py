"""Whose threads are exhausted, and who is frozen with pending work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.framework.dumps.processes import ProcessNames
from harness.inspect.kinds import Answer, Kind, Place, Question, StatsOf
from harness.inspect.snapshot import Snapshot
from harness.kernel.binder_debug.state import ProcessBlock
from harness.kernel.binder_debug.stats import ProcessStats, Stats, ThreadPool
from harness.kernel.concise import counted

_FROZEN_RETURNS = ("BR_FROZEN_REPLY", "BR_TRANSACTION_PENDING_FROZEN")


@dataclass(frozen=True, slots=True)
class Pool:
    """The loopers of one open file; None for what the records do not show."""

    pid: int
    context: str | None
    loopers: int | None
    busy: int | None
    """Those with a transaction on their stack."""
    pending: int
    """Transactions that wait for any of them."""
    numbers: ThreadPool | None
    all_shown: bool = True
    """Whether the records show idle threads, too: `transactions` has only those with work."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen process."""

    pid: int
    seen: str
    """Where it is shown to be frozen."""
    pending: int
    """Transactions that wait for it."""
    buffers: int


def pools(snapshot: Snapshot, stats: StatsOf, names: ProcessNames) -> list[Answer]:
    """The processes in which every looper is busy while transactions wait."""
    answers: list[Answer] = []
    for section, block in snapshot.blocks():
        loopers = [each for each in block.threads if each.is_looper]
        busy = [each for each in loopers if each.stack]
        pending = len(block.transactions)
        known = stats.get((block.pid, block.context))
        if block.pid and pending and len(busy) == len(loopers):
            pool = Pool(
                block.pid,
                block.context,
                len(loopers),
                len(busy),
                pending,
                known.pool if known else None,
                snapshot.kind != Kind.TRANSACTIONS,
            )
            lines = [each.line for each in busy] + [each.line for each in block.transactions]
            answers.append(_pool_answer(pool, tuple(map(section.at, lines)), names))
    return answers


def pools_by_stats(stats: Stats, file: str, names: ProcessNames) -> list[Answer]:
    """The same from `stats` alone: no thread ready, and transactions pending; threads that never started."""
    answers: list[Answer] = []
    for each in stats.processes:
        place = Place(file, each.line)
        if each.ready_threads == 0 and each.pending_transactions:
            pool = Pool(each.pid, each.context, each.threads, None, each.pending_transactions, each.pool)
            answers.append(_pool_answer(pool, (place,), names))
        elif each.pool and each.pool.requested:
            answers.append(
                Answer(
                    Question.THREADS,
                    f"{names.title(each.pid)} was asked for {counted(each.pool.requested, 'thread')} "
                    "(BR_SPAWN_LOOPER) that did not register (BC_REGISTER_LOOPER).",
                    places=(place,),
                    value=each.pool,
                )
            )
    return answers


def _pool_answer(pool: Pool, places: tuple[Place, ...], names: ProcessNames) -> Answer:
    waiting = f"{counted(pool.pending, 'transaction')} {'waits' if pool.pending == 1 else 'wait'}"
    if pool.loopers == 0 and not pool.all_shown:
        sentence = f"{waiting} for {names.title(pool.pid)}, no thread of which has taken any"
    elif pool.loopers == 0:
        sentence = f"{waiting} for {names.title(pool.pid)}, which has no looper"
    elif pool.busy is None or pool.loopers is None:
        sentence = f"{names.title(pool.pid)} has no thread ready while {waiting}"
    else:
        sentence = (
            f"{_all_loopers(pool.loopers, names.title(pool.pid), pool.all_shown)} busy, and {waiting} for one"
        )
    if pool.numbers:
        started, maximum, requested = pool.numbers.started, pool.numbers.maximum, pool.numbers.requested
        sentence += f"; it started {started} of at most {maximum} further threads"
        if requested:
            sentence += f", and {requested} more are requested and have not registered"
    return Answer(
        Question.THREADS,
        f"{sentence}.",
        places=places,
        value=pool,
        weight=pool.pending * 10 + (pool.busy or 0),
    )


def _all_loopers(number: int, owner: str, all_shown: bool) -> str:
    one = number == 1
    shown = "" if all_shown else " that is shown" if one else " that are shown"
    return f"The one looper of {owner}{shown} is" if one else f"All {number} loopers of {owner}{shown} are"


def frozen(found: Iterable[Snapshot], frozen_pids: Mapping[int, str], names: ProcessNames) -> list[Answer]:
    """The frozen processes with pending work, or with buffers that they do not free."""
    answers: list[Answer] = []
    work: dict[int, tuple[int, int, tuple[Place, ...]]] = {}
    for snapshot in found:
        for section, block in snapshot.blocks():
            if block.pid in frozen_pids:
                waiting = _pending(block)
                if waiting or block.buffers:
                    places = tuple(section.at(line) for line in (block.line, *waiting))
                    work.setdefault(block.pid, (len(waiting), len(block.buffers), places))
    for pid, seen in frozen_pids.items():
        pending, buffers, places = work.get(pid, (0, 0, ()))
        if pending or buffers:
            answers.append(
                Answer(
                    Question.FROZEN,
                    f"{names.title(pid)} is frozen ({seen}) while {counted(pending, 'transaction')} "
                    f"wait{'s' if pending == 1 else ''} for it and it holds {counted(buffers, 'buffer')}.",
                    places=places,
                    value=Frozen(pid, seen, pending, buffers),
                    weight=pending * 10 + buffers,
                )
            )
    return answers


def frozen_by_stats(stats: Stats, file: str, names: ProcessNames) -> list[Answer]:
    """Who called frozen processes, by the answers of the driver that each process received."""
    return [
        _returned(each, Place(file, each.line), names)
        for each in stats.processes
        if any(name in each.counters.returns for name in _FROZEN_RETURNS)
    ]


def _pending(block: ProcessBlock) -> list[int]:
    groups = [block.transactions, *(node.transactions for node in block.nodes)]
    groups += [
        tuple(each for each in thread.transactions if each.role == "pending") for thread in block.threads
    ]
    return [each.line for group in groups for each in group]


def _returned(stats: ProcessStats, place: Place, names: ProcessNames) -> Answer:
    listed = ", ".join(
        f"{stats.counters.returns[name]:,} {name}"
        for name in _FROZEN_RETURNS
        if name in stats.counters.returns
    )
    return Answer(
        Question.FROZEN,
        f"{names.title(stats.pid)} called frozen processes: it received {listed}.",
        places=(place,),
        value=stats,
        weight=-1,
    )
