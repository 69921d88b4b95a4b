"""Claims about who gets a transaction, and when: threads, one-way calls, frozen and dead processes."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.instruments.non_blocking import without_noop
from harness.experiments.protocol.deaths import Deaths, measure_deaths
from harness.experiments.protocol.dispatch import (
    CODES,
    OTHER_CODE,
    CallBack,
    CallsAtATime,
    OneWayDelivery,
    measure_call_back,
    measure_calls_at_a_time,
    measure_one_way_delivery,
)
from harness.experiments.protocol.freezing import (
    ONE_WAY_CALL,
    FrozenCalls,
    measure_frozen_calls,
)
from harness.experiments.protocol.loopers import RequestedThreads, measure_requested_threads

HEADER = "include/uapi/linux/android/binder.h, Linux 6.12"
THREADS_PAGE = "source.android.com, Handle threads (2025)"
COMPLETE, FROZEN, PENDING = "BR_TRANSACTION_COMPLETE", "BR_FROZEN_REPLY", "BR_TRANSACTION_PENDING_FROZEN"
IOCTL, CALL_RETURN = "BINDER_WRITE_READ", "BR_TRANSACTION"
ONE_WAY_EXPERIMENT = (
    "Make three one-way calls to one object, and one to another, before their process reads; let its two "
    "threads read and free in turns."
)


@claim(
    "oneway.at-once",
    measure=measure_one_way_delivery,
    documents="DEF",
    statement="A one-way call ends as soon as the driver has it: BR_TRANSACTION_COMPLETE comes though nobody "
    "has read the call.",
    experiment=ONE_WAY_EXPERIMENT,
    source=f"{THREADS_PAGE}, Asynchronous transactions; IBinder.FLAG_ONEWAY, Android 16; {HEADER}: "
    "BR_TRANSACTION_COMPLETE",
    needs=(Need.FREE_BINDER,),
)
def one_way_at_once(m: OneWayDelivery, facts: Facts) -> Finding:
    """Each must be complete in its own ioctl."""
    complete = sum(COMPLETE in returned for returned in m.returned)
    return Finding.whether(
        complete == len(m.returned),
        "{calls_complete} of {calls_made} bring BR_TRANSACTION_COMPLETE in the ioctl that made them",
        calls_made=Figure(len(m.returned), "BC_TRANSACTION", unit="one-way calls"),
        calls_complete=Figure(complete, IOCTL),
        returned=Figure(m.returned, IOCTL),
    )


@claim(
    "oneway.in-turn",
    measure=measure_one_way_delivery,
    documents="DE",
    statement="One-way calls to one object are delivered one at a time, in the order in which they were "
    "made.",
    experiment=ONE_WAY_EXPERIMENT,
    source=f"{THREADS_PAGE}, Serialization of asynchronous transactions; IBinder.FLAG_ONEWAY, Android 16; "
    "drivers/android/binder.c, binder_proc_transaction: node->async_todo, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def one_way_in_turn(m: OneWayDelivery, facts: Facts) -> Finding:
    """An idle thread must get none while the last one's buffer is not freed."""
    return Finding.whether(
        (m.first, m.meanwhile, m.order) == (CODES[:1], (), CODES),
        "one thread gets call {codes.first}; an idle one {codes.meanwhile} until that is freed; in order: "
        "{codes.in_order}",
        **{
            "codes.first": Figure(m.first, CALL_RETURN),
            "codes.meanwhile": Figure(m.meanwhile or "none", CALL_RETURN, expected="none"),
            "codes.in_order": Figure(m.order, CALL_RETURN, expected=CODES),
        },
    )


@claim(
    "oneway.other-object",
    measure=measure_one_way_delivery,
    documents="D",
    statement="One-way calls to another object of the same process do not wait for them.",
    experiment=ONE_WAY_EXPERIMENT,
    source=f"{THREADS_PAGE}, Serialization of asynchronous transactions; drivers/android/binder.c, "
    "binder_proc_transaction: each node has its own async_todo, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def one_way_other_object(m: OneWayDelivery, facts: Facts) -> Finding:
    """It must be delivered while the first object's call is being handled, and the others' wait."""
    return Finding.whether(
        (m.meanwhile, m.of_other) == ((), (OTHER_CODE,)),
        "while a call to the first object is handled, {calls.of_the_first} more of its calls and "
        "{calls.of_the_other} of the other's are delivered",
        **{
            "calls.of_the_first": Figure(len(m.meanwhile), CALL_RETURN),
            "calls.of_the_other": Figure(len(m.of_other), CALL_RETURN),
        },
    )


@claim(
    "oneway.other-thread",
    measure=measure_one_way_delivery,
    documents="E",
    statement="One-way calls to one object may run on different threads.",
    experiment=ONE_WAY_EXPERIMENT,
    source="IBinder.FLAG_ONEWAY, Android 16; drivers/android/binder.c, binder_transaction_buffer_release and "
    "BC_FREE_BUFFER: the next one goes to the process's todo list, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def one_way_other_thread(m: OneWayDelivery, facts: Facts) -> Finding:
    """More than one thread must have received some of the three."""
    return Finding.whether(
        len(set(m.threads)) > 1,
        "the calls are received by threads {threads}, in order",
        threads=Figure(m.threads, IOCTL),
    )


@claim(
    "call.at-a-time",
    measure=measure_calls_at_a_time,
    documents="DE",
    statement="A process may receive several calls at the same time, each on another thread of its pool.",
    experiment="Have two threads call one object, and two threads of its process read, before any reply.",
    source="developer.android.com, Android Interface Definition Language (2025); drivers/android/binder.c, "
    "binder_select_thread_ilocked, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def call_at_a_time(m: CallsAtATime, facts: Facts) -> Finding:
    """Each thread must have a call that is not yet answered."""
    return Finding.whether(
        sorted(map(len, m.received)) == [1, 1] and len({code for codes in m.received for code in codes}) == 2,
        "the two threads receive {calls_received} before any is answered",
        calls_received=Figure([len(codes) for codes in m.received], CALL_RETURN, unit="calls"),
        codes=Figure(m.received, CALL_RETURN),
    )


@claim(
    "call.waits",
    measure=measure_calls_at_a_time,
    documents="DE",
    statement="A call that is not one-way blocks its caller until there is a reply.",
    experiment="Have two threads call; look what the driver has for each while both calls are being handled.",
    source=f"{THREADS_PAGE}, Synchronous transactions; android.os.IBinder, Android 16; "
    "drivers/android/binder.c, binder_thread_read, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def call_waits(m: CallsAtATime, facts: Facts) -> Finding:
    """The driver must have nothing for a caller whose call was received, and not answered."""
    received = sum(map(len, m.received))
    waiting = [names for names in m.returned if not without_noop(names)]
    return Finding.whether(
        received == len(m.returned) == len(waiting),
        "{calls_received} are being handled, and for {callers_waiting} of {callers} the driver has nothing",
        calls_received=Figure(received, CALL_RETURN, unit="calls"),
        callers=Figure(len(m.returned), IOCTL, unit="callers"),
        callers_waiting=Figure(len(waiting), IOCTL),
    )


@claim(
    "call.back",
    measure=measure_call_back,
    documents="DE",
    statement="A call back to a process that waits in a call runs on the thread that waits.",
    experiment="Call with an object of one's own, and have it called back on the call's behalf, while "
    "another thread is idle; then have it called by a thread that handles no call.",
    source=f"{THREADS_PAGE}, Nested transactions; android.os.IBinder, Android 16: recursion across "
    "processes; drivers/android/binder.c, binder_transaction: target_thread, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def call_back(m: CallBack, facts: Facts) -> Finding:
    """The idle thread must get the unrelated call, and may not get the other."""
    return Finding.whether(
        (m.chained, m.unrelated) == ((1, 0), (0, 1)),
        "of a call back, the waiting thread and an idle one receive {calls.back}; of an unrelated call to "
        "the same object, {calls.unrelated}",
        **{
            "calls.back": Figure(m.chained, CALL_RETURN),
            "calls.unrelated": Figure(m.unrelated, CALL_RETURN),
        },
    )


@claim(
    "looper.enter",
    measure=measure_requested_threads,
    documents="F",
    statement="A process answers BR_SPAWN_LOOPER with a new thread that it registers by BC_ENTER_LOOPER.",
    experiment="Send more calls than threads can be requested; let each requested thread write "
    "BC_ENTER_LOOPER first, and in another process BC_REGISTER_LOOPER.",
    source=f"{HEADER}: BR_SPAWN_LOOPER; drivers/android/binder.c, binder_thread_write: only "
    "BC_REGISTER_LOOPER ends the request, Linux 6.12",
    needs=(Need.FREE_BINDER,),
    expected=Verdict.REFUTED,
    what_is_true="It is BC_REGISTER_LOOPER, as libbinder writes it. After BC_ENTER_LOOPER the driver takes "
    "the request for open, and never requests another thread. The header has said so since 2008.",
)
def looper_enter(m: RequestedThreads, facts: Facts) -> Finding:
    """The driver must go on to request threads, as it does after the other command."""
    return Finding.whether(
        m.by_entering == m.by_registering == m.maximum,
        "with {calls} and a limit of {limit}, the driver requests {requested.if_they_enter} where each "
        "writes BC_ENTER_LOOPER, and {requested.if_they_register} where each writes BC_REGISTER_LOOPER",
        calls=Figure(m.calls, "BC_TRANSACTION", unit="calls"),
        limit=Figure(m.maximum, "BINDER_SET_MAX_THREADS", unit="threads"),
        **{
            "requested.if_they_enter": Figure(m.by_entering, "BR_SPAWN_LOOPER", expected=1, unit="threads"),
            "requested.if_they_register": Figure(
                m.by_registering, "BR_SPAWN_LOOPER", expected=m.maximum, unit="threads"
            ),
        },
    )


@claim(
    "death.dead-reply",
    measure=measure_deaths,
    documents="F",
    statement="A call to an object whose process has ended brings BR_DEAD_REPLY.",
    experiment="Hold an object of another process, kill that, and call the object.",
    source=f"{HEADER}: BR_DEAD_REPLY; drivers/android/binder.c, binder_transaction: return_error, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def death_dead_reply(m: Deaths, facts: Facts) -> Finding:
    """Nothing else may come of the call."""
    returned = without_noop(m.call)
    return Finding.whether(
        returned == ["BR_DEAD_REPLY"],
        "when the owner {owners_end}, a call brings {returned}",
        owners_end=Figure(m.end, "its exit status"),
        returned=Figure(returned, IOCTL),
    )


@claim(
    "frozen.call",
    measure=measure_frozen_calls,
    documents="F",
    statement="A call to a frozen process fails with BR_FROZEN_REPLY.",
    experiment="Freeze a process with BINDER_FREEZE, call it, unfreeze it, and see what it receives.",
    source=f"{HEADER}: BR_FROZEN_REPLY; drivers/android/binder.c, binder_proc_transaction, since Linux 5.13",
    needs=(Need.FREE_BINDER,),
)
def frozen_call(m: FrozenCalls, facts: Facts) -> Finding:
    """The caller must get that at once, and the process never the call."""
    returned = without_noop(m.call)
    return Finding.whether(
        returned == [FROZEN] and m.called_since,
        "a call to a frozen process brings {returned}; unfrozen, it receives the code {codes}",
        returned=Figure(returned, IOCTL),
        codes=Figure(m.afterwards, CALL_RETURN, expected=(ONE_WAY_CALL,)),
        reported=Figure(m.called_since, "BINDER_GET_FROZEN_INFO", expected=True),
    )


@claim(
    "frozen.one-way",
    measure=measure_frozen_calls,
    documents="F",
    statement="A one-way call to a frozen process brings BR_TRANSACTION_PENDING_FROZEN, and is delivered "
    "later.",
    experiment="Freeze a process with BINDER_FREEZE, call it one-way, unfreeze it, and see what it receives.",
    source=f"{HEADER}: BR_TRANSACTION_PENDING_FROZEN; drivers/android/binder.c, binder_proc_transaction, "
    "since Linux 6.3",
    needs=(Need.FREE_BINDER,),
    expected=Expectation(
        "confirmed since Linux 6.3, conditional on some kernels before",
        lambda facts: Verdict.CONFIRMED if facts.kernel_version >= (6, 3) else None,
    ),
    what_is_true="Before Linux 6.3 the sender gets BR_TRANSACTION_COMPLETE, as of any one-way call: it "
    "cannot know that the process is frozen. The call is delivered later there, too.",
)
def frozen_one_way(m: FrozenCalls, facts: Facts) -> Finding:
    """Delivered later it must be in any case; what the sender is told decides the rest."""
    returned = without_noop(m.one_way)
    return Finding.in_cases(
        (returned == [PENDING], m.afterwards == (ONE_WAY_CALL,) and m.one_way_since),
        "a one-way call to a frozen process brings {returned}; unfrozen, the process receives the code "
        "{codes}",
        returned=Figure(returned, IOCTL),
        codes=Figure(m.afterwards, CALL_RETURN),
        reported=Figure(m.one_way_since, "BINDER_GET_FROZEN_INFO"),
    )
