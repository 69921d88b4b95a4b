"""Death notifications: requested, delivered, acknowledged and cleared, in any order."""

from __future__ import annotations

from harness.model import references
from harness.model.records import Death, DeathState, Node, Process, Thread


def request(process: Process, handle: int, cookie: int) -> None:
    """BC_REQUEST_DEATH_NOTIFICATION; nothing for an unknown handle, or a second request for a handle."""
    reference = references.find(process, handle, strong=False)
    if reference is None or reference.death is not None:
        return
    reference.death = Death(cookie)
    if reference.node.process is None:
        process.todo.add(reference.death)


def clear(thread: Thread, handle: int, cookie: int) -> None:
    """BC_CLEAR_DEATH_NOTIFICATION; nothing unless there is a request with this cookie."""
    reference = references.find(thread.process, handle, strong=False)
    death = reference.death if reference is not None else None
    if reference is None or death is None or death.cookie != cookie:
        return
    reference.death = None
    if death.queue is None:
        death.state = DeathState.CLEARED
        thread.process.give(thread, death)
    else:  # queued, or delivered and not acknowledged
        death.state = DeathState.DEAD_AND_CLEARED


def acknowledge(thread: Thread, cookie: int) -> None:
    """BC_DEAD_BINDER_DONE for the oldest delivered notification with this cookie."""
    for death in thread.process.delivered_deaths.entries:
        if isinstance(death, Death) and death.cookie == cookie:
            death.dequeue()
            if death.state is DeathState.DEAD_AND_CLEARED:
                death.state = DeathState.CLEARED
                thread.process.give(thread, death)
            return


def notify(node: Node) -> None:
    """Queue the notifications of a node that has died. binder_node_release."""
    for reference in node.references:
        if reference.death is not None:
            reference.death.state = DeathState.DEAD
            reference.process.todo.add(reference.death)
