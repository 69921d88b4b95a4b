"""Claims about the framework: broadcasts, bound services, lookups, and the size of Intents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.binder.parcels.status import ExceptionCode, exception_name
from harness.device.facts import FacilityMissingError, Need
from harness.experiments.core.claim import Evidence, Finding, Section, Verdict, claim
from harness.experiments.framework.bindings import measure_bindings
from harness.experiments.framework.broadcasts import (
    ACTION,
    NOTICE,
    STEP,
    measure_broadcast,
    measure_broadcast_hops,
    measure_intent_limits,
    measure_marshalling,
)
from harness.experiments.framework.lookups import measure_framework_lookups, measure_slow_lookups
from harness.framework.standin import STANDIN

if TYPE_CHECKING:
    from harness.device.device import Device

SLOW_MILLISECONDS = 10
TRACE = "binder_transaction, binder_transaction_received"


def whose(stand_in: bool) -> str:
    """How a sentence names the activity manager that answered."""
    return f"a {STANDIN} for Android's activity manager" if stand_in else "the activity manager"


def provenance(stand_in: bool) -> Evidence:
    """The evidence that says who answered."""
    return Evidence(
        "the activity manager", "service manager, `activity`", STANDIN if stand_in else "Android's"
    )


@claim(
    "broadcast.delivery",
    documents="A",
    section=Section.FRAMEWORK,
    statement='A broadcast of com.example.broadcast.MY_NOTIFICATION with the extra data="Notice me senpai!" '
    "reaches a receiver in another process.",
    experiment="Register a receiver in one process, send the broadcast from another, compare what arrives.",
    source="services/core/java/com/android/server/am/ActivityManagerService.java, broadcastIntentLocked, "
    "Android 11",
    needs=(Need.SERVICE_MANAGER,),
)
def broadcast_delivery(device: Device) -> Finding:
    """What decides is that action and extras are the same in another process."""
    found = measure_broadcast(device)
    same = (found.action, dict(found.extras or {})) == (ACTION, {"data": NOTICE})
    return Finding.whether(
        same and found.sender != found.receiver,
        f"through {whose(found.stand_in)}, process {found.receiver} received {found.action} with "
        f"{found.extras} from process {found.sender}",
        Evidence("action", "IIntentReceiver.performReceive", found.action, known=ACTION),
        Evidence("extras", "IIntentReceiver.performReceive", found.extras, known={"data": NOTICE}),
        provenance(found.stand_in),
    )


@claim(
    "broadcast.hops",
    documents="A",
    section=Section.FRAMEWORK,
    statement="The line getService().broadcastIntentWithFeature() crosses three processes each time: the "
    "sender's, servicemanager and the activity manager's.",
    experiment="Trace all transactions of a process that looks the activity manager up and sends a "
    "broadcast, and of its second broadcast. Held if both take it to three processes.",
    source="core/java/android/app/ActivityManager.java, IActivityManagerSingleton; "
    "services/core/java/com/android/server/am/BroadcastQueue.java, performReceiveLocked; Android 11",
    known=Verdict.REFUTED,
    needs=(Need.SERVICE_MANAGER, Need.TRACING, Need.KPROBES),
    instead="Only the first call asks servicemanager: the handle is kept, and every later broadcast goes "
    "from the sender to the activity manager alone. Its answer waits for nobody to be told; the receiver, a "
    "third process, hears of it by a one-way transaction of the activity manager's own.",
)
def broadcast_hops(device: Device) -> Finding:
    """What decides is the number of processes of the second broadcast too."""
    found = measure_broadcast_hops(device)
    if found.lost:
        raise FacilityMissingError("The trace has lost events on this device, so nothing can be counted.")
    return Finding.whether(
        len(found.first) == len(found.second) == 3,
        f"the first goes through {' → '.join(found.first)} with {found.lookups[0]} calls to the service "
        f"manager, the second through {' → '.join(found.second)} with {found.lookups[1]}; the receiver is "
        f"told by {'a one-way transaction' if found.last_hop_one_way else 'a call'} of "
        f"{whose(found.stand_in)}",
        Evidence("processes of the first broadcast", TRACE, found.first),
        Evidence("processes of the second broadcast", TRACE, found.second),
        Evidence("calls to the service manager by the second", TRACE, found.lookups[1], known=0),
        Evidence("the last hop is one-way", f"{TRACE}, flags", found.last_hop_one_way, known=True),
        Evidence(
            "the last hop is the activity manager's", TRACE, found.last_hop_from_activity_manager, known=True
        ),
        Evidence("hop by hop", TRACE, found.text),
        Evidence("sequence diagram of the first", TRACE, found.diagram),
        provenance(found.stand_in),
    )


@claim(
    "service.cache",
    documents="AC",
    section=Section.FRAMEWORK,
    statement="The second getService or getSystemService of a process asks nobody: the first one's object is "
    "kept.",
    experiment="With the framework warm, have the activity manager send broadcasts from the shell, and count "
    "by tracing how often its own process, which uses many services, calls the service manager meanwhile.",
    source="core/java/android/os/ServiceManager.java, sCache; "
    "core/java/android/app/SystemServiceRegistry.java, CachedServiceFetcher; Android 11",
    needs=(Need.FRAMEWORK, Need.TRACING, Need.KPROBES),
)
def service_cache(device: Device) -> Finding:
    """What decides is that a process that works asks the service manager nothing any more."""
    found = measure_framework_lookups(device)
    if found.lost or not found.calls:
        raise FacilityMissingError("The trace shows no call of the framework's process, or has lost some.")
    return Finding.whether(
        found.lookups == 0,
        f"during {found.broadcasts} broadcasts the framework's process sent {found.calls} transactions, "
        f"{found.lookups} of them to the service manager",
        Evidence("calls to the service manager", TRACE, found.lookups),
        Evidence("transactions of the framework's process", TRACE, found.calls),
    )


@claim(
    "service.slow-log",
    documents="A",
    section=Section.FRAMEWORK,
    statement="Lookups that take longer than 10 ms in the framework, 50 ms in apps, are logged one by one, "
    "and totals every so many calls.",
    experiment="Read service_manager_slow and service_manager_stats in the event log. Held if there are both "
    "kinds and no slow one took less than 10 ms.",
    source="core/java/android/os/ServiceManager.java, GET_SERVICE_SLOW_THRESHOLD_US_CORE, "
    "GET_SERVICE_LOG_EVERY_CALLS_CORE; Android 11",
    needs=(Need.FRAMEWORK,),
)
def service_slow_log(device: Device) -> Finding:
    """An event log that holds neither kind tells nothing: nothing may have been slow."""
    found = measure_slow_lookups(device)
    if not (found.slow and found.counted):
        raise FacilityMissingError(
            "The event log holds no slow lookups and totals now: ask again soon after the device has booted."
        )
    fastest = min(milliseconds for _, milliseconds in found.slow)
    return Finding.whether(
        fastest >= SLOW_MILLISECONDS,
        f"{len(found.slow)} slow lookups are logged, the fastest of {fastest} ms, and {len(found.counted)} "
        "totals",
        Evidence("slow lookups in ms", "event log, service_manager_slow", found.slow),
        Evidence("calls in the totals", "event log, service_manager_stats", found.counted),
    )


@claim(
    "bind.once",
    documents="C",
    section=Section.FRAMEWORK,
    statement="onBind is called for the first client of a service only; the next client gets the object that "
    "was stored.",
    experiment="Bind a service from two processes and count how often it is asked for its object; the object "
    "counts its calls, so that both clients can tell whether theirs is the same. Where Android runs, find a "
    "service with several clients and one binding in `dumpsys activity services`.",
    source="services/core/java/com/android/server/am/ActiveServices.java, bindServiceLocked, "
    "publishServiceLocked; Android 11",
    needs=(Need.SERVICE_MANAGER, Need.TRACING),
)
def bind_once(device: Device) -> Finding:
    """What decides: one question for two clients, and both call one object."""
    found = measure_bindings(device)
    one_object = found.answers in ((), tuple(range(1, found.clients + 1)))
    return Finding.whether(
        found.binds == 1 and found.clients > 1 and one_object,
        f"through {whose(found.stand_in)}, {found.clients} clients were connected and the service was asked "
        f"{found.binds} time for its object"
        + (f", which counted the clients' calls {found.answers}" if found.answers else ""),
        Evidence("times the service was asked", "IApplicationThread.scheduleBindService", found.binds),
        Evidence("clients connected", "IServiceConnection.connected", found.clients),
        Evidence("number of the object's calls, as each client was told", "reply", found.answers),
        Evidence("hop by hop", TRACE, found.text),
        Evidence("sequence diagram", TRACE, found.diagram),
        provenance(found.stand_in),
    )


@claim(
    "call.marshalling",
    documents="C",
    section=Section.FRAMEWORK,
    statement="A call is a number and a parcel, its reply is a parcel; an exception travels in the reply.",
    experiment="Trace a broadcast by its code and sizes. Then, as adb's user, send one that only the system "
    "may send: held if the driver carries that call and its reply out as any other, and the reply holds the "
    "exception.",
    source="core/java/android/os/Parcel.java, writeException; libs/binder/Status.cpp; Android 11",
    needs=(Need.SERVICE_MANAGER, Need.TRACING, Need.KPROBES),
)
def call_marshalling(device: Device) -> Finding:
    """What decides is where the exception is found."""
    found = measure_marshalling(device)
    name = exception_name(found.exception)
    return Finding.whether(
        found.carried_out and found.exception == ExceptionCode.EX_SECURITY and found.call_size > 0,
        f"code {found.code} with {found.call_size} bytes was answered with {found.reply_size} bytes; the "
        f"call that {whose(found.stand_in)} refused was carried out too, and its reply holds {name}: "
        f"{found.message}",
        Evidence("code", TRACE, found.code),
        Evidence("bytes of the call", "binder_transaction_alloc_buf", found.call_size),
        Evidence("bytes of the reply", "binder_transaction_alloc_buf", found.reply_size, known=8),
        Evidence("exception in the second reply", "reply, first word", name),
        Evidence("the driver carried the second call out", TRACE, found.carried_out),
        provenance(found.stand_in),
    )


@claim(
    "limit.intent",
    documents="C",
    section=Section.SIZE_LIMITS,
    statement="An Intent's extras run into the limit that any transaction has.",
    experiment="Broadcast ever larger extras: the largest that the activity manager takes, and the largest "
    "that a receiver is told of, to 4096 bytes. Held if the first is what libbinder maps, and the second "
    "half of it.",
    source="drivers/android/binder_alloc.c, binder_alloc_new_buf; libs/binder/ProcessState.cpp, "
    "BINDER_VM_SIZE; IIntentReceiver.aidl is one-way, Android 11",
    needs=(Need.SERVICE_MANAGER,),
)
def limit_intent(device: Device) -> Finding:
    """What decides is that both limits are the driver's, and not some other, lower one."""
    found = measure_intent_limits(device)
    half = found.mapping // 2
    holds = found.mapping - STEP < found.largest_call <= found.mapping
    holds_one_way = half - STEP < found.largest_delivery <= half
    return Finding.whether(
        holds and holds_one_way and found.next_works,
        f"{whose(found.stand_in)} took a broadcast of {found.largest_call:,} bytes and none of {STEP:,} "
        f"more, of {found.mapping:,} mapped; receivers were told of {found.largest_delivery:,} bytes at "
        "most, for they are told one-way, which gets half",
        Evidence(
            "largest broadcast taken, to 4,096 bytes",
            "reply to broadcastIntentWithFeature",
            found.largest_call,
        ),
        Evidence("largest broadcast received", "IIntentReceiver.performReceive", found.largest_delivery),
        Evidence("what libbinder maps", "BINDER_VM_SIZE", found.mapping),
        Evidence(
            "a small one afterwards arrives", "IIntentReceiver.performReceive", found.next_works, known=True
        ),
        Evidence("the refusal of a larger one", "IntentTooLargeError", found.refusal),
        provenance(found.stand_in),
    )
