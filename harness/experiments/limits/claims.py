"""Claims about how large a payload may be, and the outcome of one that is larger."""

from __future__ import annotations

import errno

from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.parcels.placement import padding
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.limits.shared_room import SharedRoom, measure_shared_room
from harness.experiments.limits.size_limit import (
    WORD,
    LargestCall,
    LargestOneWay,
    Limit,
    measure_largest_call,
    measure_largest_one_way,
)
from harness.experiments.limits.too_large import Refusal, Refusals, measure_too_large

BY_HALVING = "BC_TRANSACTION, by halving"
EXTENDED_ERROR = "BINDER_GET_EXTENDED_ERROR"
COUNTED = "our own count"
DEBUG_STATS = "stats, of the driver's debug files"


@claim(
    "limit.largest-sync",
    measure=measure_largest_call,
    documents="C",
    statement="The largest payload of a call is somewhat smaller than the receiver's mapping.",
    experiment="Find the largest call that a receiver with libbinder's mapping takes, to the byte: with data "
    "alone, and with an object in it.",
    source="drivers/android/binder_alloc.c, sanitized_size and binder_alloc_new_buf_locked, Linux 6.12; "
    "commit 74310e06be4d, Linux 4.14",
    expected=Expectation(
        "refuted since Linux 4.14",
        lambda facts: Verdict.REFUTED if facts.kernel_version >= (4, 14) else None,
    ),
    needs=(Need.FREE_BINDER,),
    what_is_true="Data alone may fill the mapping to its last byte: with libbinder's, 1 MiB less two pages. "
    "Less is left by 8 bytes for the offset of each object, by the rounding of each part up to 8 bytes, and "
    "by all that the receiver has not freed. Up to Linux 4.13 the driver's record of each buffer lay in the "
    "mapping, too. An application's own data is less than the payload by what its parcel holds beside.",
)
def largest_call(m: LargestCall, facts: Facts) -> Finding:
    """A driver that kept anything of its own in the mapping would confirm it."""
    return Finding.whether(
        m.data.largest < m.mapping,
        "a mapping of {bytes_mapped} took a call of {largest_call}, and one of {largest_call_with_object} "
        "with an object in it",
        bytes_mapped=Figure(m.mapping, "mmap", unit="bytes"),
        largest_call=_largest(facts, m.data, m.mapping),
        largest_call_with_object=_largest(facts, m.with_object, m.mapping - WORD),
        arrived_as_sent=Figure(m.intact, "digests at both ends", expected=True),
        errno_beyond=_errno(facts, m.data.errno_beyond),
        calls_made=Figure((m.data.transactions, m.with_object.transactions), COUNTED, unit="calls"),
    )


@claim(
    "limit.largest-oneway",
    measure=measure_largest_one_way,
    documents="A",
    statement="A one-way payload gets at most half of the receiver's mapping.",
    experiment="Find the largest one-way transaction that a receiver with libbinder's mapping takes, to the "
    "byte, and make a call of one byte more. See how much one-way space the driver charges for 8 bytes.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler and binder_alloc_new_buf_locked, "
    "Linux 6.12; commit c6d05e0762ab, Linux 6.8 and stable releases",
    needs=(Need.FREE_BINDER,),
)
def largest_one_way(m: LargestOneWay, facts: Facts) -> Finding:
    """The call beyond must be taken: it is being one-way that halves the room."""
    largest = m.limit.largest
    # Until Linux 6.8 and stable releases of its time, sizeof(struct binder_buffer) was charged on top.
    extra = None if m.charged is None else m.charged - WORD
    expected = None if m.free_space is None or extra is None else m.free_space - extra
    return Finding.whether(
        largest <= m.mapping // 2 and m.call_beyond,
        "a mapping of {bytes_mapped} took a one-way transaction of {largest_one_way}, "
        f"{'and a' if m.call_beyond else 'but no'} call of one byte more",
        bytes_mapped=Figure(m.mapping, "mmap", unit="bytes"),
        largest_one_way=Figure(largest, BY_HALVING, expected=expected, unit="bytes"),
        free_one_way_space=Figure(m.free_space, DEBUG_STATS, unit="bytes"),
        one_way_space_taken_by_8_bytes=Figure(m.charged, DEBUG_STATS, unit="bytes"),
        call_of_one_byte_more_taken=Figure(m.call_beyond, "BC_TRANSACTION"),
        errno_beyond=_errno(facts, m.limit.errno_beyond),
        transactions_made=Figure(m.limit.transactions, COUNTED, unit="transactions"),
    )


@claim(
    "limit.shared-by-calls",
    measure=measure_shared_room,
    documents="",
    statement="The limit is on all outstanding transactions of a receiver together, whoever sent them.",
    experiment="Find the largest call of one client while transactions of another come and go: one "
    "answered but not freed, one not answered yet, one one-way.",
    source="drivers/android/binder_alloc.c, binder_alloc_new_buf_locked (best fit) and "
    "binder_free_buf_locked; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def limit_is_shared(m: SharedRoom, facts: Facts) -> Finding:
    """Each must take at least its own size from the room, and give it back when it is freed."""
    others = m.unanswered + m.one_way
    beside_kept = m.mapping - _rounded(m.kept)
    beside_all = beside_kept - _rounded(m.unanswered) - _rounded(m.one_way)
    limits = (m.alone, m.beside_kept, m.beside_all, m.with_hole, m.all_freed)
    return Finding.whether(
        m.alone.largest - m.beside_kept.largest >= m.kept
        and m.beside_kept.largest - m.beside_all.largest >= others
        and m.all_freed.largest == m.alone.largest,
        "the largest call had {largest_call.alone}; beside an unfreed payload of {unfreed_payload}, "
        "{largest_call.beside_unfreed}; beside {other_payloads} more in an unanswered call and a one-way "
        "transaction, {largest_call.beside_all}; with all of them freed, {largest_call.with_all_freed}",
        **{
            "largest_call.alone": _largest(facts, m.alone, m.mapping),
            "largest_call.beside_unfreed": _largest(facts, m.beside_kept, beside_kept),
            "largest_call.beside_all": _largest(facts, m.beside_all, beside_all),
            # The room of the first, once freed, does not join what is left behind the others.
            "largest_call.with_first_freed": _largest(facts, m.with_hole, beside_all),
            "largest_call.with_all_freed": Figure(
                m.all_freed.largest, BY_HALVING, expected=m.alone.largest, unit="bytes"
            ),
        },
        unfreed_payload=Figure(m.kept, "BC_TRANSACTION", unit="bytes"),
        other_payloads=Figure(others, "BC_TRANSACTION", unit="bytes"),
        calls_made=Figure([limit.transactions for limit in limits], COUNTED, unit="calls"),
    )


@claim(
    "limit.failure-clean",
    measure=measure_too_large,
    documents="C",
    statement="What is too large fails with an error that its sender sees, and the sender's next call works.",
    experiment="Make a call, and send a one-way transaction, of a byte more than there is room for; then a "
    "small call on the same thread. Read the driver's log of failures, and what the receiver holds.",
    source="drivers/android/binder.c, binder_transaction: err_binder_alloc_buf_failed; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def failure_is_clean(m: Refusals, facts: Facts) -> Finding:
    """Both must be refused, by name, and leave nothing behind."""
    clean = m.next_answered and m.before == m.after
    return Finding.whether(
        clean and all(each.answer == BinderReturn.BR_FAILED_REPLY.name for each in (m.call, m.one_way)),
        f"a call of {{size.call}} {_outcome(m.call, 'call')}; a one-way transaction of {{size.one_way}} "
        f"{_outcome(m.one_way, 'one_way')}; the next call was {'' if m.next_answered else 'not '}answered",
        bytes_mapped=Figure(m.mapping, "mmap", unit="bytes"),
        **_refusal_figures(facts, m.call, "call"),
        **_refusal_figures(facts, m.one_way, "one_way"),
        next_call_answered=Figure(m.next_answered, "BR_REPLY"),
        receiver_held_before=Figure(m.before, DEBUG_STATS),
        receiver_held_after=Figure(m.after, DEBUG_STATS, expected=m.before),
    )


def _refusal_figures(facts: Facts, refusal: Refusal, which: str) -> dict[str, Figure]:
    logged = refusal.logged and (refusal.logged.answer, _name(refusal.logged.errno))
    return {
        f"size.{which}": Figure(refusal.size, "BC_TRANSACTION", unit="bytes"),
        f"answer.{which}": Figure(refusal.answer, "BINDER_WRITE_READ"),
        f"errno.{which}": _errno(facts, refusal.errno),
        f"logged_answer_and_errno.{which}": Figure(logged, "failed_transaction_log"),
    }


def _outcome(refusal: Refusal, which: str) -> str:
    """What followed from a transaction, as a part of a sentence over its figures."""
    if refusal.answer is None:
        return "was taken"
    reason = "" if refusal.errno is None else f" ({{errno.{which}}})"
    return f"failed with {{answer.{which}}}{reason}"


def _largest(facts: Facts, limit: Limit, expected: int) -> Figure:
    """The largest call; of the driver in Rust no exact size is expected."""
    of_driver = None if facts.driver == "Rust" else expected
    return Figure(limit.largest, BY_HALVING, expected=of_driver, unit="bytes")


def _errno(facts: Facts, number: int | None) -> Figure:
    """The error of what finds no room; none is expected where the driver reports none, before Linux 5.19."""
    reported = BinderIoctl.BINDER_GET_EXTENDED_ERROR.name in facts.driver_ioctls
    expected = errno.errorcode[errno.ENOSPC] if reported else None
    return Figure(_name(number), EXTENDED_ERROR, expected=expected)


def _rounded(size: int) -> int:
    """What the driver takes for a part of this size, in bytes."""
    return size + padding(size, WORD)


def _name(number: int | None) -> str | None:
    return None if number is None else errno.errorcode.get(number, str(number))
