"""Claims about how large a payload may be, and what comes of one that is larger."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.parcels.parcel import padding
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Evidence, Expectation, Finding, Section, Verdict, claim
from harness.experiments.limits.shared_room import measure_shared_room
from harness.experiments.limits.size_limit import WORD, Limit, measure_largest_call, measure_largest_one_way
from harness.experiments.limits.too_large import Refusal, measure_too_large

if TYPE_CHECKING:
    from harness.device.device import Device

BY_HALVING = "BC_TRANSACTION, by halving"
EXTENDED_ERROR = "BINDER_GET_EXTENDED_ERROR"
COUNTED = "our own count"
DEBUG_STATS = "stats, of the driver's debug files"


@claim(
    "limit.largest-sync",
    documents="C",
    section=Section.SIZE_LIMITS,
    statement="The largest payload of a call is somewhat smaller than the receiver's mapping.",
    experiment="Look for the largest call that a receiver with libbinder's mapping takes, to the byte: with "
    "data alone, and with an object among it.",
    source="drivers/android/binder_alloc.c, sanitized_size and binder_alloc_new_buf_locked, Linux 6.12; "
    "commit 74310e06be4d, Linux 4.14",
    known=Expectation(
        "refuted since Linux 4.14",
        lambda facts: Verdict.REFUTED if facts.kernel_version >= (4, 14) else None,
    ),
    needs=(Need.FREE_BINDER,),
    instead="Data alone may fill the mapping to its last byte: with libbinder's, 1 MiB less two pages. Less "
    "is left by 8 bytes for the offset of each object, by the rounding of each part up to 8 bytes, and by "
    "all that the receiver has not freed. Up to Linux 4.13 the driver's record of each buffer lay in the "
    "mapping, too. An application's own data is less than the payload by what its parcel holds beside.",
)
def largest_call(device: Device) -> Finding:
    """A driver that kept anything of its own in the mapping would confirm it."""
    measured = measure_largest_call(device)
    mapping, data, with_object = measured.mapping, measured.data, measured.with_object
    return Finding.whether(
        data.largest < mapping,
        f"a mapping of {mapping:,} bytes took a call of {data.largest:,} bytes, and one of "
        f"{with_object.largest:,} bytes with an object among them",
        Evidence("bytes mapped", "mmap", mapping),
        Evidence("largest call", BY_HALVING, data.largest, known=_known_of_c_driver(device.facts, mapping)),
        Evidence(
            "largest call with an object, whose offset takes 8 bytes",
            BY_HALVING,
            with_object.largest,
            known=_known_of_c_driver(device.facts, mapping - WORD),
        ),
        Evidence("the largest arrived as it was sent", "digests at both ends", measured.intact, known=True),
        _error_beyond(device.facts, data),
        Evidence("calls made to find either", COUNTED, (data.transactions, with_object.transactions)),
    )


@claim(
    "limit.largest-oneway",
    documents="A",
    section=Section.SIZE_LIMITS,
    statement="A one-way payload gets at most half of the receiver's mapping.",
    experiment="Look for the largest one-way transaction that a receiver with libbinder's mapping takes, to "
    "the byte, and make a call of one byte more. See what the driver takes off its one-way space for a word.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler and binder_alloc_new_buf_locked, "
    "Linux 6.12; commit c6d05e0762ab, Linux 6.8 and stable releases",
    needs=(Need.FREE_BINDER,),
)
def largest_one_way(device: Device) -> Finding:
    """The call beyond must be taken: it is being one-way that halves the room."""
    measured = measure_largest_one_way(device)
    mapping, largest = measured.mapping, measured.limit.largest
    # Until Linux 6.8 and stable releases of its time, sizeof(struct binder_buffer) was charged on top.
    extra = None if measured.charged is None else measured.charged - WORD
    known = None if measured.free_space is None or extra is None else measured.free_space - extra
    return Finding.whether(
        largest <= mapping // 2 and measured.call_beyond,
        f"a mapping of {mapping:,} bytes took a one-way transaction of {largest:,} bytes, and "
        f"{'a' if measured.call_beyond else 'not even a'} call of one byte more",
        Evidence("bytes mapped", "mmap", mapping),
        Evidence("largest one-way transaction", BY_HALVING, largest, known=known),
        Evidence("free for one-way transactions before", DEBUG_STATS, measured.free_space),
        Evidence("taken off that for a payload of 8 bytes", DEBUG_STATS, measured.charged),
        Evidence("a call of one byte more was taken", "BC_TRANSACTION", measured.call_beyond),
        _error_beyond(device.facts, measured.limit),
        Evidence("transactions made to find it", COUNTED, measured.limit.transactions),
    )


@claim(
    "limit.shared-by-calls",
    documents="",
    section=Section.SIZE_LIMITS,
    statement="The limit is on all outstanding transactions of a receiver together, whoever sent them.",
    experiment="Look for the largest call of one client while transactions of another come and go: one "
    "answered but not freed, one not answered yet, one one-way.",
    source="drivers/android/binder_alloc.c, binder_alloc_new_buf_locked (best fit) and "
    "binder_free_buf_locked; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def limit_is_shared(device: Device) -> Finding:
    """Each must take at least its own size from the room, and give it back when it is freed."""
    measured = measure_shared_room(device)
    alone, beside_kept, beside_all = (
        limit.largest for limit in (measured.alone, measured.beside_kept, measured.beside_all)
    )
    others = measured.unanswered + measured.one_way
    kept, taken = _rounded(measured.kept), _rounded(measured.unanswered) + _rounded(measured.one_way)
    facts = device.facts
    return Finding.whether(
        alone - beside_kept >= measured.kept
        and beside_kept - beside_all >= others
        and measured.at_last.largest == alone,
        f"a call had room for {alone:,} bytes; beside a payload of {measured.kept:,} that was not freed for "
        f"{beside_kept:,}, beside {others:,} more in a call not answered and one one-way for {beside_all:,}; "
        f"with all of them freed for {measured.at_last.largest:,}",
        Evidence("largest call alone", BY_HALVING, alone, known=_known_of_c_driver(facts, measured.mapping)),
        Evidence(
            "beside a payload that was not freed, rounded up to 8 bytes",
            BY_HALVING,
            beside_kept,
            known=_known_of_c_driver(facts, measured.mapping - kept),
        ),
        Evidence(
            "beside a call not answered, and a one-way transaction, too",
            BY_HALVING,
            beside_all,
            known=_known_of_c_driver(facts, measured.mapping - kept - taken),
        ),
        Evidence(
            "with the first freed, whose room does not join what is left behind the others",
            BY_HALVING,
            measured.with_hole.largest,
            known=_known_of_c_driver(facts, measured.mapping - kept - taken),
        ),
        Evidence("with all freed", BY_HALVING, measured.at_last.largest, known=alone),
        Evidence(
            "calls made to find each",
            COUNTED,
            [
                limit.transactions
                for limit in (
                    measured.alone,
                    measured.beside_kept,
                    measured.beside_all,
                    measured.with_hole,
                    measured.at_last,
                )
            ],
        ),
    )


@claim(
    "limit.failure-clean",
    documents="C",
    section=Section.SIZE_LIMITS,
    statement="What is too large fails with an error that its sender sees, and the sender's next call works.",
    experiment="Make a call, and send a one-way transaction, of a byte more than there is room for; then a "
    "small call on the same thread. Read the driver's log of failures, and what the receiver holds.",
    source="drivers/android/binder.c, binder_transaction: err_binder_alloc_buf_failed; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def failure_is_clean(device: Device) -> Finding:
    """Either must be refused, by name, and leave nothing behind."""
    measured = measure_too_large(device)
    refusals = (measured.call, measured.one_way)
    clean = measured.next_answered and measured.before == measured.after
    return Finding.whether(
        clean and all(refusal.answer == BinderReturn.BR_FAILED_REPLY.name for refusal in refusals),
        f"a call of {measured.call.size:,} bytes got {_told(measured.call)}, a one-way transaction of "
        f"{measured.one_way.size:,} {_told(measured.one_way)}; the next call was "
        f"{'answered' if measured.next_answered else 'not answered'}",
        Evidence("bytes mapped", "mmap", measured.mapping),
        *(
            evidence
            for what, refusal in (("call", measured.call), ("one-way transaction", measured.one_way))
            for evidence in (
                Evidence(f"answer to the {what}", "BINDER_WRITE_READ", refusal.answer),
                Evidence(
                    f"error of the {what}",
                    EXTENDED_ERROR,
                    _name(refusal.errno),
                    known=_known_error(device.facts),
                ),
                Evidence(
                    f"answer and error in the log of the {what}",
                    "failed_transaction_log",
                    refusal.logged and (refusal.logged.answer, _name(refusal.logged.errno)),
                ),
            )
        ),
        Evidence("the next call was answered", "BR_REPLY", measured.next_answered),
        Evidence("what the receiver held before", DEBUG_STATS, measured.before),
        Evidence("what it held after", DEBUG_STATS, measured.after, known=measured.before),
    )


def _known_of_c_driver(facts: Facts, figure: int) -> int | None:
    """A figure that is known of the driver in C; None on a device that has the one in Rust."""
    return None if facts.driver == "Rust" else figure


def _known_error(facts: Facts) -> str | None:
    """The error of what finds no room; None where the driver cannot tell its senders, before Linux 5.19."""
    told = BinderIoctl.BINDER_GET_EXTENDED_ERROR.name in facts.driver_ioctls
    return errno.errorcode[errno.ENOSPC] if told else None


def _error_beyond(facts: Facts, limit: Limit) -> Evidence:
    return Evidence(
        "error of one byte more", EXTENDED_ERROR, _name(limit.errno_beyond), known=_known_error(facts)
    )


def _rounded(size: int) -> int:
    """What the driver takes for a part of this size, in bytes."""
    return size + padding(size, WORD)


def _name(number: int | None) -> str | None:
    return None if number is None else errno.errorcode.get(number, str(number))


def _told(refusal: Refusal) -> str:
    return f"{refusal.answer or 'no refusal'} ({_name(refusal.errno) or 'no reason'})"
