"""What the size of a transaction says where a mapping has no space for it."""

from __future__ import annotations

from dataclasses import replace

from harness.binder.driver.open_file import binder_vm_size
from harness.binder.refusals.refusal import Refusal

LIBBINDER_MAPPING = binder_vm_size(4096)
"""The bytes that a process on libbinder maps, with pages of 4 KiB."""
LARGEST_ONEWAY = LIBBINDER_MAPPING // 2
"""Of these, what one-way calls may use."""

TOO_LARGE = Refusal(
    meaning="the receiver's mapping has no space for the data, or the caller's for the reply.",
    at_fault="the receiver, if it keeps buffers (it handles too slowly, or does not free); the sender, if "
    "this one transaction is larger than the mapping, or for one-way calls than half of it",
    decided_by="the receiver's mapping: libbinder maps 1 MiB less 8 KiB, servicemanager up to Android 10 "
    "128 KiB; one-way calls may use half of it, and all unfreed buffers share it",
    look_at="the receiver's buffers: `binder_alloc` lines beside this one, or its `buffer` lines in the "
    "state, which `binder-harness inspect` sums up",
    claims=("limit.largest-sync", "limit.largest-oneway", "limit.shared-by-calls", "limit.failure-clean"),
)
"""Of which neither size nor direction is known."""
_NO_SPACE = {
    "call": "the receiver's mapping has no space for the data.",
    "async": "the half of the receiver's mapping that one-way calls may use has no space for the data.",
    "reply": "the mapping of the caller, which receives the reply, has no space for it.",
}
_KEEPS = {
    "call": "the receiver, which keeps buffers: it does not free them, or does not take its calls",
    "async": "the receiver, which does not take its one-way calls as fast as they come, or keeps their "
    "buffers; or whoever sends so many of them",
    "reply": "the caller, which keeps the buffers of earlier calls and replies",
}


def no_space(size: int | None, call_type: str | None) -> Refusal:
    """The entry for a transaction of `size` bytes that found no space in a mapping of libbinder's.

    `call_type` is `call`, `async` or `reply`, as the driver names it; None where it is not known.
    """
    found = TOO_LARGE if call_type is None else replace(TOO_LARGE, meaning=_NO_SPACE[call_type])
    if call_type == "reply":  # which the caller receives
        decided_by, look_at = (
            text.replace("receiver's", "caller's") for text in (found.decided_by, found.look_at)
        )
        found = replace(found, decided_by=decided_by, look_at=look_at)
    if size is None:
        return found if call_type is None else replace(found, at_fault=_KEEPS[call_type])
    meaning = f"{found.meaning}{_about(size, call_type)}"
    if never_fits(size, call_type):
        return replace(
            found,
            meaning=meaning,
            at_fault=f"the sender: no {'caller' if call_type == 'reply' else 'receiver'} on libbinder can "
            "take so much",
            look_at="what it sends: give a descriptor of shared memory, or send it in pieces",
        )
    at_fault = _KEEPS[call_type or "call"]
    if size > LARGEST_ONEWAY and call_type is None:
        at_fault = f"the sender, if the call was one-way; otherwise {at_fault}"
    return replace(found, meaning=meaning, at_fault=at_fault)


def never_fits(size: int | None, call_type: str | None) -> bool:
    """Whether no mapping of libbinder's has space for it."""
    return size is not None and size > (LARGEST_ONEWAY if call_type == "async" else LIBBINDER_MAPPING)


def _about(size: int, call_type: str | None) -> str:
    if size > LIBBINDER_MAPPING:
        most = f"a process on libbinder maps ({LIBBINDER_MAPPING:,})"
        return f" {size:,} bytes are more than {most}: they never fit."
    if size > LARGEST_ONEWAY and call_type in ("async", None):
        one_way_limit = f" {size:,} bytes are more than a one-way call may have ({LARGEST_ONEWAY:,})"
        if call_type:
            return f"{one_way_limit}: they never fit."
        return f"{one_way_limit}; as a call it fits only into a mapping that is nearly empty."
    whole, room = (
        ("half of a mapping", LARGEST_ONEWAY) if call_type == "async" else ("mapping", LIBBINDER_MAPPING)
    )
    return f" {size:,} bytes fit into an empty {whole} of libbinder's ({room:,}): it was in use."
