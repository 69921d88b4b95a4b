"""The driver's debug files as a view of the model's: processes and threads by their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.kernel.binder_debug.state import Node, ProcessBlock, State, Thread, Transaction
from harness.kernel.binder_debug.stats import ProcessStats
from harness.model.records import Looper
from harness.model.views import View


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of processes by their pids, and of threads by their tids."""

    processes: Mapping[int, int]
    threads: Mapping[int, int]


def observed_view(state: State, numbers: Numbers, *, with_offsets: bool) -> View:
    """What the driver shows of these processes, and of the nodes of dead ones that they refer to."""
    blocks = [each for each in state.processes if each.pid in numbers.processes]
    ids = {
        node.debug_id: f"{node.pointer:#x} {node.cookie:#x}"
        for node in [*state.dead_nodes, *(each for block in state.processes for each in block.nodes)]
    }
    found: View = {}
    for block in blocks:
        found.update(_process(block, numbers, ids, with_offsets=with_offsets))
    referred = {each.node for block in blocks for each in block.references if each.node_dead}
    for node in state.dead_nodes:
        if node.debug_id in referred:
            found[f"dead node {ids[node.debug_id]}"] = _node(node, numbers)
    return found


def counts_of(stats: ProcessStats) -> tuple[int, ...]:
    """The figures of the file `stats` in the order of `views.statistics`; -1 for one that it lacks."""
    pool, pages = stats.pool, stats.pages
    found = (
        stats.threads,
        *((pool.requested, pool.started, pool.maximum) if pool else (None, None, None)),
        stats.ready_threads,
        stats.free_oneway_space,
        stats.nodes,
        *(stats.references, stats.strong_references, stats.weak_references),
        stats.buffers,
        pages.active if pages else None,
        stats.pending_transactions,
    )
    return tuple(-1 if each is None else each for each in found)


def _process(block: ProcessBlock, numbers: Numbers, ids: Mapping[int, str], *, with_offsets: bool) -> View:
    name = f"process {numbers.processes[block.pid]}"
    found = {name: _queue(block.transactions, block.work)}
    for thread in block.threads:
        found[f"{name} thread {numbers.threads.get(thread.tid, thread.tid)}"] = _thread(thread)
    for node in block.nodes:
        found[f"{name} node {ids[node.debug_id]}"] = _node(node, numbers)
    for reference in block.references:
        dead = "dead " if reference.node_dead else ""
        found[f"{name} handle {reference.handle}"] = (
            f"{dead}node {ids.get(reference.node, 'not shown')} s {reference.strong} w {reference.weak}"
        )
    found[f"{name} buffers"] = ", ".join(
        sorted(
            f"{each.data_size!r}:{each.offsets_size!r}:{each.extra_size!r} {each.state.value}"
            + (f" at {each.offset!r}" if with_offsets else "")
            for each in block.buffers
        )
    )
    return found


def _thread(thread: Thread) -> str:
    looper = Looper(int(thread.looper) & 0xF)
    parts = [f"looper {int(looper):#x} need_return {int(bool(thread.need_return))}"]
    parts += [f"{each.role} {_transaction(each)}" for each in thread.stack]
    pending = [each for each in thread.transactions if each not in thread.stack]
    return ", ".join(parts) + _queue(pending, thread.work)


def _node(node: Node, numbers: Numbers) -> str:
    holders = sorted({numbers.processes.get(each, each) for each in node.holders})
    return (
        f"hs {int(node.has_strong_reference)} hw {int(node.has_weak_reference)} ls {node.local_strong!r} "
        f"lw {node.local_weak!r} is {node.internal_strong!r} iw {node.internal_weak!r} holders {holders!r}"
        + _queue(node.transactions, node.work)
    )


def _transaction(transaction: Transaction) -> str:
    return f"code {transaction.code} flags {transaction.flags or 0:#x}"


def _queue(transactions: Sequence[Transaction], work: Sequence[str]) -> str:
    pending = [f"; pending {_transaction(each)}" for each in transactions]
    return "".join(pending + [f"; {_work(each)}" for each in work])


def _work(text: str) -> str:
    """`node work 12: u0000000000000010 c…` by its node, `unknown work: type 3` without its number."""
    if match := re.fullmatch(r"node work \d+: u([0-9a-f]+) c([0-9a-f]+)", text):
        return f"node work {int(match[1], 16):#x} {int(match[2], 16):#x}"
    return text.partition(": type")[0]
