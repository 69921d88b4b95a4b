"""Claims about a call as a whole: the order of its commands, and the threads that take it."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from harness.device.facts import Need
from harness.experiments.core.claim import Evidence, Expectation, Finding, Section, Verdict, claim
from harness.experiments.protocol.call_sequence import Exchange, Traced, measure_call_sequence
from harness.experiments.protocol.loopers import measure_looper_states, measure_thread_pool

if TYPE_CHECKING:
    from harness.device.device import Device

CALL = (
    Traced("caller", "BC_TRANSACTION"),
    Traced("caller", "BR_TRANSACTION_COMPLETE"),
    Traced("callee", "BR_TRANSACTION"),
    Traced("callee", "BC_REPLY"),
    Traced("callee", "BR_TRANSACTION_COMPLETE"),
    Traced("caller", "BR_REPLY"),
)
"""The order in which the documents tell of a call."""

LOOPER_STATES = {
    (): (),
    ("BC_ENTER_LOOPER",): ("ENTERED",),
    ("BC_ENTER_LOOPER", "BC_EXIT_LOOPER"): ("ENTERED", "EXITED"),
    ("BC_REGISTER_LOOPER",): ("REGISTERED", "INVALID"),
    ("BC_ENTER_LOOPER", "BC_REGISTER_LOOPER"): ("REGISTERED", "ENTERED", "INVALID"),
    ("BC_REGISTER_LOOPER", "BC_ENTER_LOOPER"): ("REGISTERED", "ENTERED", "INVALID"),
}
"""The state of a thread by what it says, if the driver has not asked for it."""


@claim(
    "proto.call-sequence",
    documents="BC",
    section=Section.PROTOCOL,
    statement="A call is BC_TRANSACTION and BR_TRANSACTION_COMPLETE at the caller, BR_TRANSACTION, BC_REPLY "
    "and BR_TRANSACTION_COMPLETE at the callee, and BR_REPLY at the caller, in this order.",
    experiment="Call twice on one thread, as libbinder does, and put down what goes into each ioctl and what "
    "comes out; trace the second call in the driver, to see both sides in order of time.",
    source="drivers/android/binder.c, binder_transaction: binder_enqueue_deferred_thread_work_ilocked, "
    "binder_has_work_ilocked; Linux 6.12. Commit 148ade2c4d4f, Linux 4.16",
    known=Expectation(
        "refuted since Linux 4.16",
        lambda facts: Verdict.REFUTED if facts.kernel_version >= (4, 16) else None,
    ),
    needs=(Need.FREE_BINDER, Need.TRACING),
    instead="Each side has its three in this order. But since Linux 4.16 the caller's "
    "BR_TRANSACTION_COMPLETE waits for the reply: the callee has long said BC_REPLY when one read brings "
    "the caller both it and BR_REPLY. Only the first ioctl of a thread's life returns with it at once.",
)
def call_sequence(device: Device) -> Finding:
    """What decides is the one order of both sides, as the driver traced it."""
    measured = measure_call_sequence(device)
    traced = tuple(step for step in measured.traced if step in CALL)
    caller, callee = _words(measured.caller), _words(measured.callee)
    return Finding.whether(
        traced == CALL,
        ", ".join(f"{step.by} {step.word}" for step in traced),
        Evidence("both sides, in order of time", "tracepoints binder_command, binder_return", traced),
        Evidence("the caller's own order", "BINDER_WRITE_READ", caller, known=_own(CALL, "caller")),
        Evidence("the callee's own order", "BINDER_WRITE_READ", callee, known=_own(CALL, "callee")),
        Evidence("the caller's own order", "the trace", _own(traced, "caller"), known=caller),
        Evidence("the callee's own order", "the trace", _own(traced, "callee"), known=callee),
        Evidence("the caller's ioctls", "BINDER_WRITE_READ", measured.caller),
        Evidence("those of the call before, the thread's first", "BINDER_WRITE_READ", measured.first),
        Evidence("the call and the reply", "tracepoints binder_transaction, …_received", measured.hops),
        Evidence(
            "whether they are replies, and were received",
            "the same",
            [(hop.reply, hop.received is not None) for hop in measured.hops],
            known=[(False, True), (True, True)],
        ),
        Evidence("whether the trace lacks nothing", "per_cpu/*/stats", measured.complete, known=True),
    )


def _words(exchanges: tuple[Exchange, ...]) -> tuple[str, ...]:
    """What one side said and heard, in order, as far as the documents tell of it."""
    told_of = {step.word for step in CALL}
    words = [word for exchange in exchanges for word in (*exchange.said, *exchange.heard)]
    return tuple(word for word in words if word in told_of)


def _own(steps: tuple[Traced, ...], side: str) -> tuple[str, ...]:
    return tuple(step.word for step in steps if step.by == side)


@claim(
    "proto.looper",
    documents="B",
    section=Section.PROTOCOL,
    statement="BC_ENTER_LOOPER, BC_REGISTER_LOOPER and BC_EXIT_LOOPER set a thread's state, and "
    "BINDER_SET_MAX_THREADS makes the driver ask for threads, up to that number, with BR_SPAWN_LOOPER.",
    experiment="Have threads say them in every order, and read their states; then raise the limit in steps, "
    "with more calls than threads, and start each thread that is asked for.",
    source="drivers/android/binder.c, binder_thread_write and the end of binder_thread_read, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.BINDER_DEBUG),
)
def looper(device: Device) -> Finding:
    """The driver must ask for exactly as many threads as each limit allows."""
    states = measure_looper_states(device)
    growth = measure_thread_pool(device)
    shown = {looper.said: looper.state for looper in states.loopers}
    registered = [looper.state for looper in growth.registered]
    asked = list(accumulate(step.asked for step in growth.steps))
    allowed = [step.maximum for step in growth.steps]
    calls = sum(step.calls for step in growth.steps)
    return Finding.whether(
        shown == LOOPER_STATES and set(registered) == {("REGISTERED",)} and asked == allowed,
        f"under limits of {allowed} the driver has asked for {asked} threads in {calls} calls; a thread that "
        "registers unasked, or both enters and registers, is marked invalid; one that exits is marked too",
        *(
            Evidence(
                f"state after {', '.join(said) or 'nothing'}",
                "proc/PID, of the driver's debug files",
                state,
                known=LOOPER_STATES.get(said),
            )
            for said, state in shown.items()
        ),
        Evidence("states of the threads asked for", "proc/PID, of the driver's debug files", registered),
        Evidence("threads asked for, under each limit", "BR_SPAWN_LOOPER", asked, known=allowed),
        Evidence("requested, started, maximum", "stats, of the driver's debug files", growth.steps[-1].pool),
        Evidence(
            "what a call brings a thread after BC_EXIT_LOOPER", "BINDER_WRITE_READ", states.heard_after_exit
        ),
    )
