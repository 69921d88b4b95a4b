"""Nodes: who keeps them, and when their owner is told to keep them or let them go."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from harness.binder.abi import returns
from harness.binder.abi.returns import Return
from harness.model.records import Node, Process
from harness.model.work import Queue


def find_or_create(process: Process, ptr: int, cookie: int, flags: int) -> Node:
    """The process's node at `ptr`: binder_get_node, binder_new_node."""
    return process.nodes.setdefault(ptr, Node(process, ptr, cookie, flags))


def count_up(node: Node, *, strong: bool, internal: bool, todo: Queue | None) -> int:
    """Count a reference; `todo` is the sender's queue if the sender is the owner. binder_inc_node_nilocked.

    Returns 0, or -EINVAL for a first strong reference that the owner did not give away itself.
    """
    if strong:
        if internal:
            if todo is None and node.internal_strong == 0 and not _is_kept_manager(node):
                return -errno.EINVAL
            node.internal_strong += 1
        else:
            node.local_strong += 1
        if not node.has_strong and todo is not None:
            node.dequeue()
            todo.add(node)
        return 0
    if not internal:
        node.local_weak += 1
    if not node.has_weak and todo is not None and node.queue is None:
        todo.add(node)
    return 0


def _is_kept_manager(node: Node) -> bool:
    return node is node.context.manager and node.has_strong


def count_down(node: Node, *, strong: bool, internal: bool) -> None:
    """Drop a reference; a weak internal one is no count, but makes this look. binder_dec_node_nilocked."""
    if strong:
        if internal:
            node.internal_strong -= 1
        else:
            node.local_strong -= 1
        if node.local_strong or node.internal_strong:
            return
    else:
        if not internal:
            node.local_weak -= 1
        if node.local_weak or node.temporary or node.references:
            return
    if node.process is not None and (node.has_strong or node.has_weak):
        if node.queue is None:
            node.process.todo.add(node)
    elif not (node.references or node.local_strong or node.local_weak or node.temporary):
        _forget(node)


def _forget(node: Node) -> None:
    node.dequeue()
    if node.process is not None:
        node.process.nodes.pop(node.ptr, None)
    elif node in node.context.dead_nodes:
        node.context.dead_nodes.remove(node)


@contextmanager
def held(node: Node) -> Iterator[None]:
    """Keep the node for the block: binder_inc_node_tmpref, binder_dec_node_tmpref."""
    node.temporary += 1
    try:
        yield
    finally:
        node.temporary -= 1
        count_down(node, strong=False, internal=True)


def acknowledge(process: Process, ptr: int, cookie: int, *, strong: bool) -> None:
    """BC_INCREFS_DONE and BC_ACQUIRE_DONE; nothing for one that does not match. binder_thread_write."""
    node = process.nodes.get(ptr)
    if node is None:
        return
    with held(node):
        if node.cookie != cookie or not (node.pending_strong if strong else node.pending_weak):
            return
        if strong:
            node.pending_strong = False
        else:
            node.pending_weak = False
        count_down(node, strong=strong, internal=False)


def news(node: Node) -> list[Return]:
    """What the owner reads about its node; nothing where references came and went. binder_thread_read."""
    strong = bool(node.internal_strong or node.local_strong)
    weak = bool(node.references or node.local_weak or node.temporary or strong)
    had_strong, had_weak = node.has_strong, node.has_weak
    found: list[Return] = []
    if weak and not had_weak:
        node.has_weak = node.pending_weak = True
        node.local_weak += 1
        found.append(returns.Increfs(node.ptr, node.cookie))
    if strong and not had_strong:
        node.has_strong = node.pending_strong = True
        node.local_strong += 1
        found.append(returns.Acquire(node.ptr, node.cookie))
    if had_strong and not strong:
        node.has_strong = False
        found.append(returns.Release(node.ptr, node.cookie))
    if had_weak and not weak:
        node.has_weak = False
        found.append(returns.Decrefs(node.ptr, node.cookie))
    if not weak and not strong:
        _forget(node)
    return found
