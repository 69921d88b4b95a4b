"""Threads and processes that end, in the middle of whatever they were doing."""

from __future__ import annotations

from harness.binder.abi.uapi import BinderReturn
from harness.model import failures, nodes, references
from harness.model.notifications import deaths
from harness.model.records import Node, Process, Thread, Transaction
from harness.model.work import Queue


def end_thread(thread: Thread) -> None:
    """BINDER_THREAD_EXIT, and each thread of a process that ends. binder_thread_release.

    The caller of the innermost call gets BR_DEAD_REPLY if this thread handled it. If the thread made that
    call itself, those whose calls it handles meanwhile are answered when that call ends.
    """
    process = thread.process
    process.threads.pop(thread.number, None)
    each = thread.stack
    answered = each if each is not None and each.handler is thread else None
    while each is not None:
        if each.handler is thread:
            process.unfinished -= 1
            each.target = each.handler = None
            if each.buffer is not None:
                each.buffer.transaction = None
                each.buffer = None
            each = each.outer_of_handler
        else:
            each.caller = None
            each = each.outer_of_caller
    thread.stack = None
    if answered is not None:
        failures.fail_call(answered, BinderReturn.BR_DEAD_REPLY)
    _release_work(thread.todo)


def end_process(process: Process) -> None:
    """The last descriptor and the mapping are gone. binder_deferred_release."""
    context = process.context
    if context.manager is not None and context.manager.process is process:
        context.manager = None
    for number in sorted(process.threads):
        end_thread(process.threads[number])
    for ptr in sorted(process.nodes):
        _end_node(process.nodes.pop(ptr))
    for handle in sorted(process.references):
        references.remove(process.references[handle])
    _release_work(process.todo)
    _release_work(process.delivered_deaths)
    _release_work(process.delivered_freezes)


def _end_node(node: Node) -> None:
    """A node outlives its owner while there are references to it. binder_node_release."""
    _release_work(node.one_way_queue)
    node.dequeue()
    node.process = None
    if not node.references:
        return
    with nodes.held(node):
        node.local_strong = node.local_weak = 0
        node.context.dead_nodes.insert(0, node)
        deaths.notify(node)


def _release_work(queue: Queue) -> None:
    """Drop queued work; callers whose calls were queued get BR_DEAD_REPLY. binder_release_work."""
    while (work := queue.take()) is not None:
        if isinstance(work, Transaction):
            failures.drop(work, BinderReturn.BR_DEAD_REPLY)
