"""Claims about the objects of other processes: their names, their reference counts, their deaths."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding
from harness.experiments.protocol.deaths import CLEARED, IN_TIME, TOO_LATE, Deaths, Notice, measure_deaths
from harness.experiments.protocol.reference_counts import (
    HandleCounts,
    ReferenceCounts,
    measure_reference_counts,
)
from harness.experiments.protocol.translation import Arrival, Translation, measure_translation

DEBUG_FILES = "proc/PID, of the driver's debug files"

COUNTING = (
    ("BC_TRANSACTION", ("BR_INCREFS", "BR_ACQUIRE", "BR_TRANSACTION_COMPLETE"), HandleCounts(1, 0)),
    ("BC_INCREFS_DONE", (), HandleCounts(1, 0)),
    ("BC_ACQUIRE_DONE", (), HandleCounts(1, 0)),
    ("BC_INCREFS", (), HandleCounts(1, 1)),
    ("BC_ACQUIRE", (), HandleCounts(2, 1)),
    ("BC_FREE_BUFFER", (), HandleCounts(1, 1)),
    ("BC_RELEASE", ("BR_RELEASE",), HandleCounts(0, 1)),
    ("BC_DECREFS", ("BR_DECREFS",), None),
)
"""What is written, what the owner receives in consequence, and the counts of the holder's handle after it.

The owner writes the first three, the holder the others. A buffer that holds an object has a strong reference
of its own, from the sending until it is freed.
"""

KEPT_FOR_OWNER = ((1, 1), (1, 0), (0, 0))
"""The C driver's own strong and weak count of the object, after each of the owner's commands."""

BINDER, HANDLE = "BINDER_TYPE_BINDER", "BINDER_TYPE_HANDLE"
HOME_FROM = {
    (True, True): "both",
    (True, False): "the second only",
    (False, True): "the third only",
    (False, False): "neither",
}
"""In words: whether an object comes home unchanged from the second process and from the third."""


@claim(
    "proto.refcounts",
    measure=measure_reference_counts,
    documents="B",
    statement="BC_INCREFS, BC_ACQUIRE, BC_RELEASE and BC_DECREFS count a reference; the owner is notified of "
    "the first and the last, and answers with BC_INCREFS_DONE and BC_ACQUIRE_DONE.",
    experiment="Send an object, have the receiver take and drop references, and read the counts of both "
    "sides after every single command.",
    source="drivers/android/binder.c, binder_update_ref_for_handle, binder_thread_read (BINDER_WORK_NODE), "
    "binder_dec_node_nilocked; Linux 6.12",
    needs=(Need.FREE_BINDER, Need.BINDER_DEBUG),
)
def proto_refcounts(m: ReferenceCounts, facts: Facts) -> Finding:
    """Every command must change the counts as its name says, and the owner be notified of the right ones."""
    kept = [
        (step.object.local_strong, step.object.local_weak)
        for step in m.steps
        if step.by == "owner" and step.object
    ]
    figures: dict[str, Figure] = {}
    counts: list[str] = []
    for step in m.steps:
        after = f"after_{step.command.removeprefix('BC_').lower()}"
        figures[f"handle.{after}"] = Figure(step.handle, DEBUG_FILES)
        figures[f"object.{after}"] = Figure(step.object, DEBUG_FILES)
        figures[f"owner_received.{after}"] = Figure(step.owner_received, "BINDER_WRITE_READ")
        counts.append(f"{step.command} ({{handle.{after}}})")
    return Finding.whether(
        tuple((step.command, step.owner_received, step.handle) for step in m.steps) == COUNTING,
        f"counts of the handle after each command: {', '.join(counts)}",
        **figures,
        strong_and_weak_kept_until_owner_answers=Figure(
            kept, DEBUG_FILES, expected=KEPT_FOR_OWNER if facts.driver == "C" else None
        ),
        object_named_to_owner=Figure(set(m.named), "BR_INCREFS …", expected={m.sent}),
    )


@claim(
    "proto.translation",
    measure=measure_translation,
    documents="C",
    statement="An object that is sent is a handle at the other end, and comes home as the object.",
    experiment="Send an object to a second process, from there to a third, and from both back to its owner, "
    "in calls to the object itself.",
    source="drivers/android/binder.c, binder_translate_binder, binder_translate_handle, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def proto_translation(m: Translation, facts: Facts) -> Finding:
    """The owner must get its own two words back, and both handles must stand for one node."""
    home = Arrival(BINDER, m.sent.ptr, m.sent.cookie, target=m.sent)
    intact = (m.home_from_manager == home, m.home_from_peer == home)
    nodes = None if m.node_ids is None else len(set(m.node_ids))
    return Finding.whether(
        {m.at_manager.type, m.at_peer.type} == {HANDLE} and intact == (True, True) and nodes in (1, None),
        f"the object is {_kind(m.at_manager)} {{word.in_second_process}} in the second process and "
        f"{_kind(m.at_peer)} {{word.in_third_process}} in the third, and comes home as itself from "
        f"{HOME_FROM[intact]}" + ("" if nodes is None else "; the debug files show {distinct_nodes} for it"),
        sent=Figure(m.sent, "flat_binder_object"),
        **{
            "word.in_second_process": Figure(m.at_manager.word, "flat_binder_object"),
            "word.in_third_process": Figure(m.at_peer.word, "flat_binder_object"),
            "arrival.in_second_process": Figure(m.at_manager, "flat_binder_object"),
            "arrival.in_third_process": Figure(m.at_peer, "flat_binder_object"),
            "home.from_second_process": Figure(m.home_from_manager, "flat_binder_object"),
            "home.from_third_process": Figure(m.home_from_peer, "flat_binder_object"),
        },
        node_of_owner_and_behind_each_handle=Figure(m.node_ids, DEBUG_FILES, varies=True),
        distinct_nodes=Figure(nodes, DEBUG_FILES, unit="nodes"),
    )


def _kind(arrival: Arrival) -> str:
    return "handle" if arrival.type == HANDLE else "ptr"


@claim(
    "proto.death",
    measure=measure_deaths,
    documents="B",
    statement="A death notification arrives when the owner dies, can be taken back, and is acknowledged.",
    experiment="Request death notifications for two objects of one process, take one request back, kill that "
    "process, and make another request.",
    source="drivers/android/binder.c, binder_node_release, binder_thread_write "
    "(BC_REQUEST_DEATH_NOTIFICATION and the like), Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def proto_death(m: Deaths, facts: Facts) -> Finding:
    """The request that was taken back must be answered by that alone; each of the others by a death."""
    pending, pending_after_done = m.acknowledged
    shown = facts.driver == "C" and pending is not None
    return Finding.whether(
        m.before == (Notice("BR_CLEAR_DEATH_NOTIFICATION_DONE", CLEARED),)
        and m.after == (Notice("BR_DEAD_BINDER", IN_TIME),)
        and m.too_late == (Notice("BR_DEAD_BINDER", TOO_LATE),),
        "the request that was taken back brings {answers_to.cleared_request}; when the owner {owners_end}, "
        "the one that was kept brings {answers_to.kept_request}, and one made after that, "
        "{answers_to.late_request}",
        owners_end=Figure(m.end, "its exit status"),
        **{
            "answers_to.cleared_request": _answers(m, CLEARED),
            "answers_to.kept_request": _answers(m, IN_TIME),
            "answers_to.late_request": _answers(m, TOO_LATE),
            "received.after_taking_back": Figure(m.before, "BINDER_WRITE_READ"),
            "received.after_the_death": Figure(m.after, "BINDER_WRITE_READ"),
            "received.after_a_late_request": Figure(m.too_late, "BINDER_WRITE_READ"),
            "received.after_a_call": Figure(m.call, "BINDER_WRITE_READ"),
            "notice_pending.when_received": Figure(pending, DEBUG_FILES, expected=shown or None),
            "notice_pending.after_dead_binder_done": Figure(
                pending_after_done, DEBUG_FILES, expected=False if shown else None
            ),
        },
    )


def _answers(m: Deaths, request: int) -> Figure:
    """Whatever came for a request, at any time."""
    notices = (*m.before, *m.after, *m.too_late)
    return Figure(
        [notice.command for notice in notices if notice.cookie == request], "cookies in BINDER_WRITE_READ"
    )
