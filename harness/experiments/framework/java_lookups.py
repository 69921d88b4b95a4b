"""How often the framework's own Java calls the service manager, and which lookups it logs as slow."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder.pair import open_pair, reply_nothing
from harness.binder.parcels.parcel import Parcel
from harness.binder.services.service import BINDER, open_service
from harness.device.facts import Facts, Need
from harness.experiments.instruments.node_files import free_node
from harness.framework.java.process import JavaProcess, open_java
from harness.recording.hops import Hops
from harness.recording.record import record_transactions

if TYPE_CHECKING:
    from harness.binder.parcels.wire_format import WireFormat
    from harness.binder.serving.call import Call
    from harness.device.device import Device

SERVICE = "binder_harness.looked-up"
ALARM = "alarm"
"""A service whose manager object the system's registry makes of its binder alone (AlarmManager.java)."""
OF_ANDROID = "meminfo"
"""A service that every Android has (ActivityManagerService.java, setSystemProcess), and that is not among the
ones that a later libbinder may keep in the client (kStaticCachableList, BackendUnifiedServiceManager.cpp)."""
TIMES = 20
APP_UID = 10_123
"""Of an application, whose thresholds are others than those of the framework's own (UserHandle.isCore)."""
SLOW_EVENT, STATISTICS_EVENT = 230_001, 230_000
"""Tags of the event log (EventLogTags.logtags of core, Android 10)."""
CALLS_FOR_STATISTICS = 101
DELAYS = (0.0, 0.02, 0.06, 0.12, 0.25, 0.12)
"""Seconds after which the service manager answers: on both sides of each threshold, and less again."""
LOOKUPS = (1, 2)
"""The codes of getService and checkService: later Java calls the second alone (ServiceManagerNative.java)."""
IN_AIDL = 11
"""The first release whose service manager's replies begin with an exception (IServiceManager.aidl)."""


@dataclass(frozen=True, slots=True)
class JavaLookups:
    """Calls of one process to the service manager, as the driver's tracepoints show them."""

    release: int
    """Of the Java."""
    times: int
    """How many lookups were made each time."""
    uncached: int
    """Calls for so many getService of one name."""
    same_object: bool
    """Whether those returned one object."""
    cached: int
    """Calls for as many after initServiceCache."""
    manager: str | None
    """The class of what the first getSystemService returned."""
    for_manager: int
    """Calls for two getSystemService of one name."""
    same_manager: bool
    """Whether both returned one object."""
    lost: bool
    """Whether events were lost, so that the counts prove nothing."""
    node: str = BINDER
    """The binder device of that release's service manager."""
    art: bool = False
    """Whether the Java is the device's own framework, on ART."""


def asked_directly(facts: Facts) -> bool:
    """Whether Java can be asked whose calls can be counted, AOSP's or a device's own."""
    return not facts.android_framework or (facts.art and facts.kprobes)


def java_lookups(device: Device) -> JavaLookups:
    """Look services up again and again, with and without the cache that an application is given.

    On a device with ART they are services that each Android has.
    """
    Need.KPROBES.require(device.facts)
    lost: list[bool] = []

    def calls(java: JavaProcess, act: Callable[[], object]) -> int:
        with record_transactions(device) as record:
            act()
        lost.append(bool(record.hops.lost))
        return _calls_to(manager_process, java, record.hops)

    with contextlib.ExitStack() as stack:
        java = stack.enter_context(open_java(device))
        art = device.facts.art
        service = OF_ANDROID if art else SERVICE
        for name, interface in () if art else ((SERVICE, None), (ALARM, "android.app.IAlarmManager")):
            served = open_service(device, name, reply_nothing, interface=interface, path=java.place.node)
            stack.enter_context(served)
        with record_transactions(device) as record:
            java.check_service(service)  # the first call pings the context manager, too
        manager_process = record.hops.caused_by(java.pid).hops[0].receiver.process
        found: list[object] = []
        uncached = calls(java, lambda: found.extend(java.get_service(service, times=TIMES)))
        java.init_service_cache(service)
        cached = calls(java, lambda: java.get_service(service, times=TIMES))
        managers: list[tuple[str | None, bool]] = []
        for_manager = calls(java, lambda: managers.append(java.get_system_service(ALARM)))
    ((manager, same_manager),) = managers
    return JavaLookups(
        release=java.place.release,
        times=TIMES,
        uncached=uncached,
        same_object=len(set(found)) == 1,
        cached=cached,
        manager=manager,
        for_manager=for_manager,
        same_manager=same_manager,
        lost=any(lost),
        node=java.place.node,
        art=art,
    )


def _calls_to(process: int | None, java: JavaProcess, hops: Hops) -> int:
    """How many calls go from Java to a process: on some drivers, calls have no interface."""
    ends = [(hop.sender.process, hop.receiver.process) for hop in hops.without_replies()]
    return ends.count((java.pid, process))


@dataclass(frozen=True, slots=True)
class TimedLookup:
    """One lookup, which the service manager answered earlier or later."""

    took: float
    """Milliseconds from the call to the reply, by the driver's tracepoints."""
    logged: int | None
    """Milliseconds in the event log; None where it was not logged."""


@dataclass(frozen=True, slots=True)
class JavaSlowLookups:
    """What two processes wrote to the event log."""

    release: int
    """Of the Java."""
    core: tuple[TimedLookup, ...]
    """Of a process of the framework's own."""
    app: tuple[TimedLookup, ...]
    """Of an application's."""
    counted: tuple[int, ...]
    """The number of calls in each of the totals that the first one wrote."""
    lost: bool
    """Whether events of the trace were lost."""


def java_slow_lookups(device: Device) -> JavaSlowLookups:
    """Answer each process's lookups earlier and later, as the service manager, and count what is logged."""
    Need.KPROBES.require(device.facts)
    node = free_node(device.facts)
    delay = 0.0
    wires: list[WireFormat] = []

    def answer(call: Call) -> Parcel:
        if call.code not in LOOKUPS:
            return Parcel(call.wire)
        time.sleep(delay)
        reply = Parcel(wires[0])
        return (reply if reply.wire.release < IN_AIDL else reply.no_exception()).null_binder()

    def timed(java: JavaProcess) -> tuple[TimedLookup, ...]:
        nonlocal delay
        wires.append(java.layout.wire)
        java.check_service(SERVICE)  # the first call pings the context manager, too
        names = [f"{SERVICE}.{number}" for number in range(len(DELAYS))]
        with record_transactions(device) as record:
            for delay, name in zip(DELAYS, names, strict=True):  # noqa: B007 - `answer` takes it
                java.get_service(name)
        delay = 0.0
        times = [hop.round_trip for hop in record.hops.caused_by(java.pid) if hop.reply]
        lost.append(bool(record.hops.lost) or len(times) != len(DELAYS) or None in times)
        logged = {values[1]: values[0] for tag, values in java.events() if tag == SLOW_EVENT}
        return tuple(
            TimedLookup(round(1000 * (took or 0.0), 3), logged.get(name))
            for took, name in zip(times, names, strict=False)
        )

    lost: list[bool] = []
    with open_pair(device, node, answer):
        with open_java(device, node=node) as core:
            of_core = timed(core)
            half = CALLS_FOR_STATISTICS // 2  # as an answer has all stacks, and 64 KiB
            for times in (half, CALLS_FOR_STATISTICS - half):
                core.get_service(SERVICE, times=times)
            counted = tuple(values[0] for tag, values in core.events() if tag == STATISTICS_EVENT)
        with open_java(device, uid=APP_UID, node=node) as app:
            of_app = timed(app)
    return JavaSlowLookups(core.place.release, of_core, of_app, counted, any(lost))
