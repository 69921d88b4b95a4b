"""Claims about a call as a whole: the order of its commands, and the threads that take it."""

from __future__ import annotations

from itertools import accumulate

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.protocol.call_sequence import CallSequence, Exchange, Traced, measure_call_sequence
from harness.experiments.protocol.loopers import Loopers, measure_loopers

CALL = (
    Traced("caller", "BC_TRANSACTION"),
    Traced("caller", "BR_TRANSACTION_COMPLETE"),
    Traced("callee", "BR_TRANSACTION"),
    Traced("callee", "BC_REPLY"),
    Traced("callee", "BR_TRANSACTION_COMPLETE"),
    Traced("caller", "BR_REPLY"),
)
"""The order of a call's commands in the documents."""

LOOPER_STATES = {
    (): (),
    ("BC_ENTER_LOOPER",): ("ENTERED",),
    ("BC_ENTER_LOOPER", "BC_EXIT_LOOPER"): ("ENTERED", "EXITED"),
    ("BC_REGISTER_LOOPER",): ("REGISTERED", "INVALID"),
    ("BC_ENTER_LOOPER", "BC_REGISTER_LOOPER"): ("REGISTERED", "ENTERED", "INVALID"),
    ("BC_REGISTER_LOOPER", "BC_ENTER_LOOPER"): ("REGISTERED", "ENTERED", "INVALID"),
}
"""The state of a thread that the driver has not requested, by what it has written."""

THREAD_STATES = "proc/PID, of the driver's debug files"


@claim(
    "proto.call-sequence",
    measure=measure_call_sequence,
    documents="BC",
    statement="A call is BC_TRANSACTION and BR_TRANSACTION_COMPLETE at the caller, BR_TRANSACTION, BC_REPLY "
    "and BR_TRANSACTION_COMPLETE at the callee, and BR_REPLY at the caller, in this order.",
    experiment="Call twice on one thread, as libbinder does, and record what goes into each ioctl and what "
    "comes out; trace the second call in the driver, to see both sides in order of time.",
    source="drivers/android/binder.c, binder_transaction: binder_enqueue_deferred_thread_work_ilocked, "
    "binder_has_work_ilocked; Linux 6.12. Commit 148ade2c4d4f, Linux 4.16",
    expected=Expectation(
        "refuted since Linux 4.16",
        lambda facts: Verdict.REFUTED if facts.kernel_version >= (4, 16) else None,
    ),
    needs=(Need.FREE_BINDER, Need.TRACING),
    what_is_true="Each side has its three in this order. But since Linux 4.16 the caller's "
    "BR_TRANSACTION_COMPLETE waits for the reply: the callee has long written BC_REPLY when one read brings "
    "the caller both it and BR_REPLY. Only the first ioctl of a thread's life returns with it at once.",
    taken_for_granted=True,
)
def proto_call_sequence(m: CallSequence, facts: Facts) -> Finding:
    """What decides is the one order of both sides, as the driver traced it."""
    traced = tuple(step for step in m.traced if step in CALL)
    caller, callee = _commands(m.caller), _commands(m.callee)
    return Finding.whether(
        traced == CALL,
        "in order of time: {order_of_both_sides}",
        order_of_both_sides=Figure(
            [f"{step.by} {step.command}" for step in traced], "tracepoints binder_command, binder_return"
        ),
        **{
            "callers_order.in_ioctls": Figure(caller, "BINDER_WRITE_READ", expected=_own(CALL, "caller")),
            "callees_order.in_ioctls": Figure(callee, "BINDER_WRITE_READ", expected=_own(CALL, "callee")),
            "callers_order.in_trace": Figure(_own(traced, "caller"), "the trace", expected=caller),
            "callees_order.in_trace": Figure(_own(traced, "callee"), "the trace", expected=callee),
            "callers_ioctls.of_the_traced_call": Figure(m.caller, "BINDER_WRITE_READ"),
            "callers_ioctls.of_the_threads_first_call": Figure(m.first, "BINDER_WRITE_READ"),
        },
        call_and_reply=Figure(m.hops, "tracepoints binder_transaction, …_received", varies=True),
        is_reply_and_was_received=Figure(
            [(hop.reply, hop.received is not None) for hop in m.hops],
            "the same",
            expected=[(False, True), (True, True)],
        ),
        trace_complete=Figure(m.complete, "per_cpu/*/stats", expected=True),
    )


def _commands(exchanges: tuple[Exchange, ...]) -> tuple[str, ...]:
    """What one side wrote and read, in order: those commands that are in the documents."""
    documented = {step.command for step in CALL}
    commands = [command for exchange in exchanges for command in (*exchange.written, *exchange.returned)]
    return tuple(command for command in commands if command in documented)


def _own(steps: tuple[Traced, ...], side: str) -> tuple[str, ...]:
    return tuple(step.command for step in steps if step.by == side)


@claim(
    "proto.looper",
    measure=measure_loopers,
    documents="B",
    statement="BC_ENTER_LOOPER, BC_REGISTER_LOOPER and BC_EXIT_LOOPER set a thread's state, and "
    "BINDER_SET_MAX_THREADS makes the driver request threads, up to that number, with BR_SPAWN_LOOPER.",
    experiment="Have threads write them in every order, and read their states; then raise the limit in "
    "steps, with more calls than threads, and start each thread that is requested.",
    source="drivers/android/binder.c, binder_thread_write and the end of binder_thread_read, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.BINDER_DEBUG),
)
def proto_looper(m: Loopers, facts: Facts) -> Finding:
    """The driver must request exactly as many threads as each limit allows."""
    states = {looper.written: looper.state for looper in m.states.loopers}
    registered = [looper.state for looper in m.growth.registered]
    requested = list(accumulate(step.requested for step in m.growth.steps))
    limits = [step.maximum for step in m.growth.steps]
    calls = sum(step.calls for step in m.growth.steps)
    return Finding.whether(
        states == LOOPER_STATES and set(registered) == {("REGISTERED",)} and requested == limits,
        "under limits of {limits}, the driver has requested {threads_requested} in {calls}; a thread that "
        "registers unrequested is marked {state_after.register}, one that enters and registers "
        "{state_after.enter_register}, one that enters and exits {state_after.enter_exit}",
        **{
            f"state_after.{_actions(written)}": Figure(
                state, THREAD_STATES, expected=LOOPER_STATES.get(written)
            )
            for written, state in states.items()
        },
        states_of_requested_threads=Figure(registered, THREAD_STATES),
        limits=Figure(limits, "BINDER_SET_MAX_THREADS", unit="threads"),
        threads_requested=Figure(requested, "BR_SPAWN_LOOPER", expected=limits, unit="threads"),
        calls=Figure(calls, "BR_TRANSACTION", unit="calls"),
        thread_pool=Figure(m.growth.steps[-1].pool, "stats, of the driver's debug files"),
        returned_after_exit=Figure(m.states.returned_after_exit, "BINDER_WRITE_READ"),
    )


def _actions(written: tuple[str, ...]) -> str:
    """What the commands do: `enter_exit` for BC_ENTER_LOOPER, BC_EXIT_LOOPER."""
    names = [command.removeprefix("BC_").removesuffix("_LOOPER").lower() for command in written]
    return "_".join(names) or "nothing"
