"""Claims about the objects of other processes: how they are named, counted, and known to be dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.device.facts import Need
from harness.experiments.core.claim import Evidence, Finding, Section, claim
from harness.experiments.protocol.deaths import CLEARED, IN_TIME, TOO_LATE, Notice, measure_deaths
from harness.experiments.protocol.reference_counts import HandleCounts, measure_reference_counts
from harness.experiments.protocol.translation import Arrival, measure_translation

if TYPE_CHECKING:
    from harness.device.device import Device

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
"""What is said, what the owner hears of it, and the counts of the holder's handle after it.

The first three are the owner's words, the others the holder's. A buffer that holds an object has a strong
reference of its own, from the sending until it is freed.
"""

KEPT_FOR_OWNER = ((1, 1), (1, 0), (0, 0))
"""The C driver's own strong and weak count of the object, after each of the owner's words."""


@claim(
    "proto.refcounts",
    documents="B",
    section=Section.PROTOCOL,
    statement="BC_INCREFS, BC_ACQUIRE, BC_RELEASE and BC_DECREFS count a reference; the owner is told of the "
    "first and the last, and answers with BC_INCREFS_DONE and BC_ACQUIRE_DONE.",
    experiment="Send an object, have the receiver take and drop references, and read the counts of both "
    "sides after every single command.",
    source="drivers/android/binder.c, binder_update_ref_for_handle, binder_thread_read (BINDER_WORK_NODE), "
    "binder_dec_node_nilocked; Linux 6.12",
    needs=(Need.FREE_BINDER, Need.BINDER_DEBUG),
)
def refcounts(device: Device) -> Finding:
    """Every command must change the counts as its name says, and the owner hear of the right ones."""
    measured = measure_reference_counts(device)
    steps = tuple((step.said, step.owner_heard, step.handle) for step in measured.steps)
    kept = [
        (step.object.local_strong, step.object.local_weak)
        for step in measured.steps
        if step.by == "owner" and step.object
    ]
    return Finding.whether(
        steps == COUNTING,
        "strong and weak counts of the handle: "
        + ", ".join(
            f"{said} {f'{counts.strong} and {counts.weak}' if counts else 'gone'}"
            for said, _, counts in steps
        ),
        *(Evidence(f"handle after {step.said}", DEBUG_FILES, step.handle) for step in measured.steps),
        *(Evidence(f"object after {step.said}", DEBUG_FILES, step.object) for step in measured.steps),
        *(
            Evidence(f"what the owner hears after {said}", "BINDER_WRITE_READ", heard)
            for said, heard, _ in steps
            if heard
        ),
        Evidence(
            "strong and weak counts kept until the owner answers",
            DEBUG_FILES,
            kept,
            known=KEPT_FOR_OWNER if device.facts.driver == "C" else None,
        ),
        Evidence(
            "how the owner is named its object", "BR_INCREFS …", set(measured.named), known={measured.sent}
        ),
    )


@claim(
    "proto.translation",
    documents="C",
    section=Section.PROTOCOL,
    statement="An object that is sent is a handle at the other end, and comes home as the object.",
    experiment="Send an object to a second process, from there to a third, and from both back to its owner, "
    "in calls to the object itself.",
    source="drivers/android/binder.c, binder_translate_binder, binder_translate_handle, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def translation(device: Device) -> Finding:
    """The owner must get its own two words back, and both handles must stand for one node."""
    measured = measure_translation(device)
    sent = measured.sent
    home = Arrival("BINDER_TYPE_BINDER", sent.ptr, sent.cookie, target=sent)
    away = (measured.at_manager, measured.at_peer)
    return Finding.whether(
        {arrival.type for arrival in away} == {"BINDER_TYPE_HANDLE"}
        and (measured.home_from_manager, measured.home_from_peer) == (home, home)
        and (measured.node_ids is None or len(set(measured.node_ids)) == 1),
        f"ptr {sent.ptr:#x} and cookie {sent.cookie:#x} are handle {away[0].word} in one process, handle "
        f"{away[1].word} in another, and come home from both as ptr {measured.home_from_peer.word:#x} and "
        f"cookie {measured.home_from_peer.cookie:#x}",
        Evidence("sent", "flat_binder_object", sent),
        Evidence("in the second process", "flat_binder_object", measured.at_manager),
        Evidence("in the third process", "flat_binder_object", measured.at_peer),
        Evidence("home from the second", "flat_binder_object", measured.home_from_manager),
        Evidence("home from the third", "flat_binder_object", measured.home_from_peer),
        Evidence("node of the owner, behind each handle", DEBUG_FILES, measured.node_ids),
    )


@claim(
    "proto.death",
    documents="B",
    section=Section.PROTOCOL,
    statement="A death notification arrives when the owner dies, can be taken back, and is acknowledged.",
    experiment="Ask to be told of the deaths of two objects of one process, take one request back, kill that "
    "process, and ask once more.",
    source="drivers/android/binder.c, binder_node_release, binder_thread_write "
    "(BC_REQUEST_DEATH_NOTIFICATION and the like), Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def death(device: Device) -> Finding:
    """Of the requests, the one that was taken back must be answered by that alone."""
    measured = measure_deaths(device)
    delivered, done = measured.acknowledged
    shows = device.facts.driver == "C"
    return Finding.whether(
        measured.before == (Notice("BR_CLEAR_DEATH_NOTIFICATION_DONE", CLEARED),)
        and measured.after == (Notice("BR_DEAD_BINDER", IN_TIME),)
        and measured.too_late == (Notice("BR_DEAD_BINDER", TOO_LATE),),
        f"before: {_told(measured.before)}; when the owner {measured.end}: {_told(measured.after)}; asked "
        f"again: {_told(measured.too_late)}",
        Evidence("end of the owner", "its exit status", measured.end),
        Evidence("told when a request is taken back", "BINDER_WRITE_READ", measured.before),
        Evidence("told of the death", "BINDER_WRITE_READ", measured.after),
        Evidence("told when asked after the death", "BINDER_WRITE_READ", measured.too_late),
        Evidence("a notice to be acknowledged", DEBUG_FILES, delivered, known=shows or None),
        Evidence("the same after BC_DEAD_BINDER_DONE", DEBUG_FILES, done, known=False if shows else None),
        Evidence("answer to a call to the dead", "BINDER_WRITE_READ", measured.call),
    )


def _told(notices: tuple[Notice, ...]) -> str:
    return ", ".join(f"{notice.word} for {notice.cookie:#x}" for notice in notices) or "nothing"
