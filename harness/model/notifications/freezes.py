"""Freeze notifications: where a process stands when they are requested, and each change. Linux 6.12."""

from __future__ import annotations

import errno

from harness.model import nodes, references
from harness.model.records import Freeze, Process


def request(process: Process, handle: int, cookie: int) -> int:
    """BC_REQUEST_FREEZE_NOTIFICATION: 0, or -EINVAL. binder_request_freeze_notification.

    The first notification follows at once, unless the node is dead.
    """
    reference = references.find(process, handle, strong=False)
    if reference is None or reference.freeze is not None:
        return -errno.EINVAL
    reference.freeze = Freeze(cookie)
    owner = reference.node.process
    if owner is not None:
        reference.freeze.is_frozen = owner.frozen
        process.todo.add(reference.freeze)
    return 0


def clear(process: Process, handle: int, cookie: int) -> int:
    """BC_CLEAR_FREEZE_NOTIFICATION: 0, or -EINVAL. binder_clear_freeze_notification."""
    reference = references.find(process, handle, strong=False)
    freeze = reference.freeze if reference is not None else None
    if reference is None or freeze is None or freeze.cookie != cookie:
        return -errno.EINVAL
    reference.freeze = None
    freeze.is_cleared = True
    if freeze.queue is None:
        process.todo.add(freeze)
    elif freeze.is_sent:
        freeze.has_changed = True
    return 0


def acknowledge(process: Process, cookie: int) -> int:
    """BC_FREEZE_NOTIFICATION_DONE: 0, or -EINVAL. binder_freeze_notification_done."""
    for freeze in process.delivered_freezes.entries:
        if isinstance(freeze, Freeze) and freeze.cookie == cookie:
            freeze.dequeue()
            freeze.is_sent = False
            if freeze.has_changed:
                freeze.has_changed = False
                process.todo.add(freeze)
            return 0
    return -errno.EINVAL


def announce(target: Process, *, is_frozen: bool) -> None:
    """Queue the notifications of a process's change; one that is queued states it. binder_add_freeze_work."""
    for ptr in sorted(target.nodes):
        node = target.nodes[ptr]
        with nodes.held(node):
            for reference in node.references:
                freeze = reference.freeze
                if freeze is None:
                    continue
                if freeze.queue is None:
                    reference.process.todo.add(freeze)
                elif freeze.is_sent and freeze.is_frozen != is_frozen:
                    freeze.has_changed = True
                freeze.is_frozen = is_frozen
