"""References: a process's handles to other processes' nodes, and their counts."""

from __future__ import annotations

import errno

from harness.model import nodes
from harness.model.records import Node, Process, Reference
from harness.model.work import Queue


def find(process: Process, handle: int, *, strong: bool) -> Reference | None:
    """The reference behind a handle, if it is strong where that is needed. binder_get_ref_olocked."""
    reference = process.references.get(handle)
    if reference is not None and strong and not reference.strong:
        return None
    return reference


def lowest_free_handle(process: Process, node: Node) -> int:
    """0 is the context manager's, if it is free. binder_get_ref_for_node_olocked."""
    handle = 0 if node is process.context.manager else 1
    while handle in process.references:
        handle += 1
    return handle


def take_for_node(process: Process, node: Node, *, strong: bool, todo: Queue | None) -> tuple[int, Reference]:
    """Take a reference to a node, the process's first or one more. binder_inc_ref_for_node."""
    reference = next((each for each in process.references.values() if each.node is node), None)
    is_new = reference is None
    if reference is None:
        reference = Reference(process, node, lowest_free_handle(process, node))
        process.references[reference.handle] = reference
        node.references.insert(0, reference)
    error = take(reference, strong=strong, todo=todo)
    if error and is_new:
        remove(reference)
    return error, reference


def take(reference: Reference, *, strong: bool, todo: Queue | None) -> int:
    """Count up; only the first of a kind counts for the node. binder_inc_ref_olocked."""
    if not (reference.strong if strong else reference.weak):
        error = nodes.count_up(reference.node, strong=strong, internal=True, todo=todo)
        if error:
            return error
    if strong:
        reference.strong += 1
    else:
        reference.weak += 1
    return 0


def drop(reference: Reference, *, strong: bool) -> None:
    """Count down; nothing at zero, and the handle is free after the last. binder_dec_ref_olocked."""
    if not (reference.strong if strong else reference.weak):
        return
    if strong:
        reference.strong -= 1
        if not reference.strong:
            nodes.count_down(reference.node, strong=True, internal=True)
    else:
        reference.weak -= 1
    if not reference.strong and not reference.weak:
        remove(reference)


def remove(reference: Reference) -> None:
    """Give the handle up, with its death notification. binder_cleanup_ref_olocked."""
    del reference.process.references[reference.handle]
    if reference.strong:
        nodes.count_down(reference.node, strong=True, internal=True)
    reference.node.references.remove(reference)
    nodes.count_down(reference.node, strong=False, internal=True)
    for notification in (reference.death, reference.freeze):
        if notification is not None:
            notification.dequeue()


def update(process: Process, handle: int, *, up: bool, strong: bool) -> int:
    """Change a handle's count. binder_update_ref_for_handle."""
    reference = find(process, handle, strong=strong)
    if reference is None:
        return -errno.EINVAL
    if up:
        return take(reference, strong=strong, todo=None)
    drop(reference, strong=strong)
    return 0


def command(process: Process, handle: int, *, up: bool, strong: bool) -> int:
    """BC_INCREFS, BC_ACQUIRE, BC_RELEASE, BC_DECREFS: -EINVAL ends the write. binder_thread_write.

    Handle 0 need not exist to be taken: the context manager is found by it. Other errors are only logged.
    """
    manager = process.context.manager
    if up and handle == 0 and manager is not None:
        if manager.process is process:
            return -errno.EINVAL
        error, _ = take_for_node(process, manager, strong=strong, todo=None)
        if not error:
            return 0
    update(process, handle, up=up, strong=strong)
    return 0
