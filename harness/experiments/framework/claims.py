"""Claims about the framework: broadcasts, bound services, and the size of Intents."""

from __future__ import annotations

from harness.binder.parcels.status import ExceptionCode, exception_name
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.framework.bindings import Bindings
from harness.experiments.framework.broadcasts import (
    ACTION,
    NOTICE,
    STEP,
    BroadcastHops,
    Delivery,
    IntentLimits,
    Marshalling,
)
from harness.experiments.framework.measurements import (
    measure_bindings,
    measure_broadcast,
    measure_broadcast_hops,
    measure_intent_limits,
    measure_marshalling,
)
from harness.framework.java.agent import provenance
from harness.framework.standin import STANDIN

TRACE = "binder_transaction, binder_transaction_received"
RECEIVED = "IIntentReceiver.performReceive"
BUFFER = "binder_transaction_alloc_buf"


def _whose(stand_in: bool, queue: int | None = None) -> str:
    """How a sentence names the activity manager that answered; `queue` is its BroadcastQueue's release."""
    if not stand_in:
        return "the activity manager"
    of_aosp = f" with AOSP's BroadcastQueue of Android {queue}" if queue else ""
    return f"a {STANDIN} for Android's activity manager{of_aosp}"


def _provenance(stand_in: bool) -> Figure:
    """Which activity manager answered."""
    return Figure(STANDIN if stand_in else "Android's", "service manager, `activity`")


def _by(java: int | None) -> str:
    """How a sentence begins where AOSP's Java took part."""
    return f"with {provenance(java)}, " if java else ""


def _java(java: int | None) -> dict[str, Figure]:
    """The Java that took part, if any did."""
    return {"java": Figure(provenance(java), "open_java")} if java else {}


@claim(
    "broadcast.delivery",
    measure=measure_broadcast,
    documents="A",
    statement='A broadcast of com.example.broadcast.MY_NOTIFICATION with the extra data="Notice me senpai!" '
    "reaches a receiver in another process.",
    experiment="Register a receiver in one process, send the broadcast from another, compare what arrives.",
    source="services/core/java/com/android/server/am/ActivityManagerService.java, broadcastIntentLocked, "
    "Android 11",
    needs=(Need.SERVICE_MANAGER,),
)
def broadcast_delivery(m: Delivery, facts: Facts) -> Finding:
    """What decides is that action and extras are the same in another process."""
    sent = {"data": NOTICE}
    return Finding.whether(
        (m.action, m.extras) == (ACTION, sent) and m.sender != m.receiver,
        f"{_by(m.java)}through {_whose(m.stand_in, m.queue)}, process {{receiver_process}} received "
        "{action} from process {sender_process}, with the extras {extras}",
        action=Figure(m.action, RECEIVED, expected=ACTION),
        extras=Figure(m.extras, RECEIVED, expected=sent),
        sender_process=Figure(m.sender, "getpid", varies=True),
        receiver_process=Figure(m.receiver, "getpid", varies=True),
        activity_manager=_provenance(m.stand_in),
        **_java(m.java),
    )


@claim(
    "broadcast.hops",
    measure=measure_broadcast_hops,
    documents="A",
    statement="The line getService().broadcastIntentWithFeature() crosses three processes each time: the "
    "sender's, servicemanager and the activity manager's.",
    experiment="Trace all transactions of a process that looks the activity manager up and sends a "
    "broadcast, and of its second broadcast. Confirmed if both take it to three processes.",
    source="core/java/android/app/ActivityManager.java, IActivityManagerSingleton; "
    "services/core/java/com/android/server/am/BroadcastQueue.java, performReceiveLocked; Android 11",
    expected=Verdict.REFUTED,
    needs=(Need.SERVICE_MANAGER, Need.TRACING),
    what_is_true="Only the first call goes to servicemanager: the handle is kept, and every later broadcast "
    "goes from the sender to the activity manager alone. The reply waits for no receiver; the receiver, a "
    "third process, gets the broadcast by a one-way transaction of the activity manager's own.",
    taken_for_granted=True,
)
def broadcast_hops(m: BroadcastHops, facts: Facts) -> Finding:
    """What decides is the number of processes of the second broadcast too."""
    if m.lost:
        return Finding.not_testable(
            "needs a complete trace, and the kernel lost events of this one. It can be tested once more."
        )
    return Finding.whether(
        len(m.first) == len(m.second) == 3,
        f"{_by(m.java)}"
        "the first broadcast goes through {processes.first}, with {lookups.first} to the service manager, "
        "the second through {processes.second}, with {lookups.second}; the receiver gets it by "
        f"{'a one-way transaction' if m.last_hop_one_way else 'a call'} from {_whose(m.stand_in, m.queue)}",
        **{
            "processes.first": Figure(m.first, TRACE),
            "processes.second": Figure(m.second, TRACE),
            "lookups.first": Figure(m.lookups[0], TRACE, unit="calls"),
            "lookups.second": Figure(m.lookups[1], TRACE, expected=0, unit="calls"),
        },
        last_hop_one_way=Figure(m.last_hop_one_way, f"{TRACE}, flags", expected=True),
        last_hop_from_activity_manager=Figure(m.last_hop_from_activity_manager, TRACE, expected=True),
        hop_by_hop=Figure(m.text, TRACE, varies=True),
        sequence_diagram=Figure(m.diagram, TRACE, varies=True),
        activity_manager=_provenance(m.stand_in),
        **_java(m.java),
        **(
            {
                "from_java_to_the_driver": Figure(
                    m.chain, f"Binder.setProxyTransactListener, {TRACE}", varies=True
                )
            }
            if m.chain
            else {}
        ),
    )


@claim(
    "bind.once",
    measure=measure_bindings,
    documents="C",
    statement="onBind is called for the first client of a service only; the next client gets the object that "
    "was stored.",
    experiment="Bind a service from two processes and count how often its onBind is called; the object "
    "counts its calls, so that its replies show whether both clients have the same. Where Android runs, find "
    "a service with several clients and one binding in `dumpsys activity services`.",
    source="services/core/java/com/android/server/am/ActiveServices.java, bindServiceLocked, "
    "publishServiceLocked; Android 11",
    needs=(Need.SERVICE_MANAGER, Need.TRACING),
)
def bind_once(m: Bindings, facts: Facts) -> Finding:
    """What decides: one onBind for two clients, and both call one object."""
    one_object = m.replies in ((), tuple(range(1, m.clients + 1)))
    return Finding.whether(
        m.binds == 1 and m.clients > 1 and one_object,
        f"{_by(m.java)}through {_whose(m.stand_in)}, {{clients}} connected, and onBind was called {{binds}}"
        + ("; the object numbered their calls {numbers_of_calls}" if m.replies else ""),
        binds=Figure(m.binds, "IApplicationThread.scheduleBindService", unit="times"),
        clients=Figure(m.clients, "IServiceConnection.connected", unit="clients", varies=not m.stand_in),
        numbers_of_calls=Figure(m.replies, "reply"),
        hop_by_hop=Figure(m.text, TRACE, varies=True),
        sequence_diagram=Figure(m.diagram, TRACE, varies=True),
        activity_manager=_provenance(m.stand_in),
        **_java(m.java),
    )


@claim(
    "call.marshalling",
    measure=measure_marshalling,
    documents="C",
    statement="A call is a number and a parcel, its reply is a parcel; an exception travels in the reply.",
    experiment="Trace a broadcast by its code and sizes. Then, as adb's user, send one that only the system "
    "may send: confirmed if the driver carries that call and its reply out as any other, and the reply holds "
    "the exception.",
    source="core/java/android/os/Parcel.java, writeException; libs/binder/Status.cpp; Android 11",
    needs=(Need.SERVICE_MANAGER, Need.TRACING),
)
def call_marshalling(m: Marshalling, facts: Facts) -> Finding:
    """What decides is where the exception is found."""
    return Finding.whether(
        m.carried_out and m.exception == ExceptionCode.EX_SECURITY and m.call_size > 0,
        f"{_by(m.java)}code {{code}} with {{call_size}} got a reply of {{reply_size}}; the call that "
        f"{_whose(m.stand_in)} refused was {'carried out too' if m.carried_out else 'not carried out'}, and "
        "its reply holds "
        f"{'{exception}: {message}' if m.message else '{exception}'}",
        code=Figure(m.code, TRACE),
        call_size=Figure(m.call_size, BUFFER, unit="bytes"),
        reply_size=Figure(m.reply_size, BUFFER, expected=8, unit="bytes"),
        exception=Figure(exception_name(m.exception), "reply, first word"),
        message=Figure(m.message, "reply, after the first word", varies=True),  # it names a process
        carried_out=Figure(m.carried_out, TRACE),
        activity_manager=_provenance(m.stand_in),
        **_java(m.java),
    )


@claim(
    "limit.intent",
    measure=measure_intent_limits,
    documents="C",
    statement="An Intent's extras run into the limit that any transaction has.",
    experiment="Broadcast ever larger extras: the largest that the activity manager takes, and the largest "
    "that reaches a receiver, to 4096 bytes. Confirmed if the first is what libbinder maps, and the second "
    "half of it.",
    source="drivers/android/binder_alloc.c, binder_alloc_new_buf; libs/binder/ProcessState.cpp, "
    "BINDER_VM_SIZE; IIntentReceiver.aidl is one-way, Android 11",
    needs=(Need.SERVICE_MANAGER,),
)
def limit_intent(m: IntentLimits, facts: Facts) -> Finding:
    """What decides is that both limits are the driver's, and not some other, lower one."""
    half = m.mapping // 2
    holds = m.mapping - STEP < m.largest_call <= m.mapping
    holds_one_way = half - STEP < m.largest_delivery <= half
    return Finding.whether(
        holds and holds_one_way and m.next_works,
        f"{_by(m.java)}{_whose(m.stand_in, m.queue)} takes a broadcast of {{largest_call}}, and none of "
        "{step} more; {mapped} are mapped; a receiver gets {largest_delivery} at most, for one-way calls get "
        "half",
        largest_call=Figure(m.largest_call, "reply to broadcastIntentWithFeature", unit="bytes"),
        step=Figure(STEP, "the experiment's own", unit="bytes"),
        largest_delivery=Figure(m.largest_delivery, RECEIVED, unit="bytes"),
        mapped=Figure(m.mapping, "BINDER_VM_SIZE", unit="bytes"),
        small_one_arrives_afterwards=Figure(m.next_works, RECEIVED, expected=True),
        # A sentence of ours, whose words are no result: not compared.
        refusal=Figure(m.refusal, "IntentTooLargeError", varies=True),
        activity_manager=_provenance(m.stand_in),
        **_java(m.java),
    )
