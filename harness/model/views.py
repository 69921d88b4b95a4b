"""What the driver's debug files have to show of a state, as short texts by what they are about."""

from __future__ import annotations

from collections.abc import Iterable

from harness.binder.abi.uapi import BinderReturn
from harness.model.records import (
    Buffer,
    Context,
    Death,
    Freeze,
    Node,
    Process,
    Reference,
    Thread,
    Transaction,
)
from harness.model.work import Completion, ErrorSlot, Queue, Work

View = dict[str, str]


def view(context: Context, processes: Iterable[Process]) -> View:
    """Every process, thread, node, reference and buffer, and the nodes of dead processes."""
    with_offsets = context.features.shows_offsets
    found: View = {}
    for process in processes:
        found.update(_process(process, with_offsets=with_offsets))
    for node in context.dead_nodes:
        found[f"dead node {node.ptr:#x} {node.cookie:#x}"] = _node(node)
    return found


def statistics(process: Process) -> tuple[int, ...]:
    """What the file `stats` has to show. print_binder_proc_stats, binder_alloc_print_pages.

    Threads; those asked for, registered and allowed; those that wait; bytes left for one-way calls; nodes;
    references, their strong and weak counts; buffers; pages in use; calls for any thread.
    """
    references = process.references.values()
    return (
        len(process.threads),
        *(process.requested_threads, process.started_threads, process.max_threads),
        len(process.waiting),
        process.mapping.one_way_space,
        len(process.nodes),
        *(len(references), sum(each.strong for each in references), sum(each.weak for each in references)),
        len(process.mapping.used),
        len(_pages(process)),
        sum(isinstance(each, Transaction) for each in process.todo.entries),
    )


def _pages(process: Process) -> set[int]:
    """The pages that buffers are on: others may be mapped, until the kernel needs their memory."""
    size = process.context.features.page_size
    return {
        page
        for each in process.mapping.used
        for page in range(each.offset // size, (each.offset + each.size - 1) // size + 1)
    }


def _process(process: Process, *, with_offsets: bool) -> View:
    name = f"process {process.number}"
    delivered = "; has delivered dead binder" if process.delivered_deaths else ""
    delivered += "; has delivered freeze binder" if process.delivered_freezes else ""
    found = {name: _queue(process.todo) + delivered}
    for thread in process.threads.values():
        found[f"{name} thread {thread.number}"] = _thread(thread)
    for node in process.nodes.values():
        found[f"{name} node {node.ptr:#x} {node.cookie:#x}"] = _node(node)
    for reference in process.references.values():
        found[f"{name} handle {reference.handle}"] = _reference(reference)
    found[f"{name} buffers"] = ", ".join(
        sorted(_buffer(each, with_offset=with_offsets) for each in process.mapping.used)
    )
    return found


def _buffer(buffer: Buffer, *, with_offset: bool) -> str:
    place = f" at {buffer.offset}" if with_offset else ""
    state = "active" if buffer.transaction is not None else "delivered"
    return f"{buffer.data_size}:{buffer.offsets_size}:{buffer.extra_size} {state}{place}"


def _thread(thread: Thread) -> str:
    parts = [f"looper {int(thread.looper):#x} need_return {int(thread.need_return)}"]
    each = thread.stack
    while each is not None:
        incoming = each.handler is thread
        parts.append(f"{'incoming' if incoming else 'outgoing'} {_transaction(each)}")
        each = each.outer_of_handler if incoming else each.outer_of_caller
    return ", ".join(parts) + _queue(thread.todo)


def _node(node: Node) -> str:
    holders = sorted({each.process.number for each in node.references})
    return (
        f"hs {int(node.has_strong)} hw {int(node.has_weak)} ls {node.local_strong} lw {node.local_weak} "
        f"is {node.internal_strong} iw {len(node.references)} holders {holders!r}"
        + _queue(node.one_way_queue)
    )


def _reference(reference: Reference) -> str:
    dead = "dead " if reference.node.process is None else ""
    node = reference.node
    return f"{dead}node {node.ptr:#x} {node.cookie:#x} s {reference.strong} w {reference.weak}"


def _transaction(transaction: Transaction) -> str:
    return f"code {transaction.code} flags {transaction.flags:#x}"


def _queue(queue: Queue) -> str:
    """What waits, transactions first."""
    ordered = sorted(queue.entries, key=lambda each: not isinstance(each, Transaction))
    return "".join(f"; {_work(each)}" for each in ordered)


def _work(work: Work) -> str:
    match work:
        case Transaction():
            return f"pending {_transaction(work)}"
        case Completion(code=BinderReturn.BR_TRANSACTION_COMPLETE):
            return "transaction complete"
        case Completion():
            return "unknown work"
        case ErrorSlot():
            return f"transaction error: {int(work.code)}"
        case Node():
            return f"node work {work.ptr:#x} {work.cookie:#x}"
        case Death():
            return work.state.value
        case Freeze():
            return "has cleared freeze notification" if work.is_cleared else "has frozen binder"
    raise NotImplementedError(work)
