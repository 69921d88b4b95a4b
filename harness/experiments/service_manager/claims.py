"""Claims about the Service Manager itself: its place at handle 0, its start, its loop, and its end."""

from __future__ import annotations

from collections.abc import Sequence

from harness.binder.services.interface import BasicCode
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.instruments.generations import (
    FIRST_ON_LIBBINDER,
    HOLDS_IN_C,
    Generation,
    for_each_generation,
)
from harness.experiments.service_manager.context_manager import (
    FirstCalls,
    HandleZero,
    SecondContextManager,
    measure_first_calls,
    measure_handle_zero,
    measure_second_context_manager,
)
from harness.experiments.service_manager.loop import ReadBuffer, Start, measure_read_buffer, measure_start
from harness.experiments.service_manager.restart import ServiceRestart, measure_service_restart

READ_IN_C = 32 * 4
"""uint32_t readbuf[32]."""
READ_BY_LIBBINDER = 256
CONTEXT_MANAGER = ("BINDER_SET_CONTEXT_MGR_EXT", "BINDER_SET_CONTEXT_MGR")
RESTARTED = {"zygote", "media", "surfaceflinger"}
TRANSACTION = "tracepoint binder_transaction"
PROPERTY = "init.svc_debug_pid.*"
LOST_EVENTS = (
    "needs a complete trace, and the kernel lost events of this one. It can be tested once more, on a device "
    "where less runs meanwhile."
)


@claim(
    "sm.handle-zero",
    measure=measure_handle_zero,
    documents="BC",
    statement="Handle 0 is the Service Manager in every process, without any lookup.",
    experiment="Ping handle 0 in a process that has looked nothing up, find the owner of what is behind it "
    "in the driver's records, and see which handles services get.",
    source="drivers/android/binder.c: binder_ioctl_set_ctx_mgr, get_ref_desc_olocked, Linux 6.12",
    needs=(Need.SERVICE_MANAGER,),
)
def handle_zero(m: HandleZero, facts: Facts) -> Finding:
    """Refuted by another owner, or by a service that is found under handle 0."""
    # Without root neither process may be visible; what can be compared must agree.
    owned = None in (m.owner, m.service_manager) or m.owner == m.service_manager
    process = "process {service_manager_process}" if m.service_manager else "a process that only root sees"
    return Finding.whether(
        m.ping == SUCCESS and owned and 0 not in m.handles_found,
        f"a ping of handle 0 in a new process: {{ping}}; the service manager is that of {{release}}, "
        f"{process}; handles of services: {{handles_of_services}}",
        ping=Figure(m.ping, "BC_TRANSACTION to handle 0"),
        release=Figure(m.release, "the methods of IServiceManager"),
        owner_process=Figure(m.owner, "state, of the driver's debug files", varies=True),
        service_manager_process=Figure(m.service_manager, "pidof", varies=True),
        handles_of_services=Figure(m.handles_found, "checkService"),
    )


@claim(
    "sm.single",
    measure=measure_second_context_manager,
    documents="B",
    statement="Only one process can be the context manager of a device: any other gets EBUSY.",
    experiment="Try to become it beside the service manager, and beside and after a process of our own.",
    source="drivers/android/binder.c: binder_ioctl_set_ctx_mgr, Linux 6.12",
    needs=(Need.SERVICE_MANAGER,),
)
def single_context_manager(m: SecondContextManager, facts: Facts) -> Finding:
    """On a device without context manager, where there is one, the first attempt must succeed."""
    beside = (m.beside_service_manager, m.beside_service_manager_extended)
    free = (m.on_free_device, m.beside_it, m.once_more)
    on_free_device = (
        "on a device without one: {first_on_free_device}, then for a second process: "
        "{second_on_free_device}, and for the first once more: {first_once_more}"
        if m.on_free_device
        else "no device here is without one"
    )
    return Finding.whether(
        beside == ("EBUSY", "EBUSY") and free in ((SUCCESS, "EBUSY", "EBUSY"), (None, None, None)),
        f"beside the service manager: {{beside_service_manager}}; {on_free_device}",
        beside_service_manager=Figure(beside[0], "BINDER_SET_CONTEXT_MGR"),
        beside_service_manager_extended=Figure(beside[1], "BINDER_SET_CONTEXT_MGR_EXT"),
        first_on_free_device=Figure(free[0], "BINDER_SET_CONTEXT_MGR_EXT"),
        second_on_free_device=Figure(free[1], "BINDER_SET_CONTEXT_MGR"),
        first_once_more=Figure(free[2], "BINDER_SET_CONTEXT_MGR"),
    )


@claim(
    "sm.start-sequence",
    measure=measure_start,
    documents="B",
    statement="It opens the driver, asks for the version, maps, becomes context manager, enters the looper, "
    "and then reads in a loop.",
    experiment="Start one of each generation on a device without context manager, traced, and ping it.",
    source="frameworks/native: cmds/servicemanager/binder.c, binder_open, binder_loop, Android 10; "
    "libs/binder/ProcessState.cpp, open_driver, and cmds/servicemanager/main.cpp, Android 11",
    needs=(Need.FREE_BINDER, Need.KPROBES),
)
def start_sequence(m: tuple[Start, ...], facts: Facts) -> Finding:
    """Each step must come after the one before it; the loop must have read more than once."""
    if not all(start.complete for start in m):
        return Finding.not_testable(LOST_EVENTS)
    sentence, figures = for_each_generation(m, _steps)
    return Finding.whether(all(starts_as_stated(start.steps) for start in m), sentence, **figures)


def _steps(start: Start) -> tuple[str, dict[str, Figure]]:
    where = "probes on openat, mmap and ioctl, tracepoint binder_command"
    return "{different_steps}", {
        "different_steps": Figure(list(dict.fromkeys(start.steps)), where),
        # The recording ends before or after the last read, as it happens.
        "steps": Figure(start.steps, where, varies=True),
    }


def starts_as_stated(steps: Sequence[str]) -> bool:
    """Whether the steps of a start hold those of the statement, each for the first time in its order."""
    becoming = next((step for step in CONTEXT_MANAGER if step in steps), "")
    stated = ["open", "BINDER_VERSION", "mmap", becoming, "BC_ENTER_LOOPER"]
    reads = [place for place, step in enumerate(steps) if step.startswith("read ")]
    if not set(stated) <= set(steps) or len(reads) < 2:
        return False
    places = [*map(steps.index, stated), reads[0]]
    return places == sorted(places)


@claim(
    "sm.read-buffer",
    measure=measure_read_buffer,
    documents="B",
    statement="Its loop reads into a buffer of 32 words.",
    experiment="Trace its ioctls while it answers pings, and how much they ask to read; of each generation "
    "there is.",
    source="frameworks/native: cmds/servicemanager/binder.c, binder_loop, Android 10; "
    "libs/binder/IPCThreadState.cpp: mIn.setDataCapacity(256), Android 11",
    expected=HOLDS_IN_C,
    what_is_true="From Android 11 on it is written on libbinder, and reads into 256 bytes, which are 64 "
    "words.",
    needs=(Need.KPROBES,),
)
def read_buffer(m: tuple[ReadBuffer, ...], facts: Facts) -> Finding:
    """All reads of its loop must ask for 128 bytes."""
    if not all(reads.complete and reads.sizes for reads in m):
        return Finding.not_testable(LOST_EVENTS)
    sentence, figures = for_each_generation(m, _reads)
    return Finding.in_cases([reads.sizes == (READ_IN_C,) for reads in m], sentence, **figures)


def _reads(reads: ReadBuffer) -> tuple[str, dict[str, Figure]]:
    of_generation = READ_IN_C if reads.generation is Generation.IN_C else READ_BY_LIBBINDER
    return "its reads ask for {read_size}", {
        "read_size": Figure(
            reads.sizes,
            "read_size in the argument of BINDER_WRITE_READ",
            expected=[of_generation],
            unit="bytes",
        )
    }


@claim(
    "sm.restart",
    measure=measure_service_restart,
    documents="B",
    statement="When it dies, init restarts it and, with it, zygote, media, surfaceflinger and others.",
    experiment="Read in the .rc files what follows its death; on an Android of the harness's own, also kill "
    "it, and see what is restarted.",
    source="frameworks/native: cmds/servicemanager/servicemanager.rc, Android 10 and 11",
    expected=Expectation(
        "confirmed to Android 11",
        lambda facts: Verdict.CONFIRMED if (facts.api_level or 0) <= FIRST_ON_LIBBINDER else None,
    ),
    time_limit=300,
    alone=True,
)
def restart(m: ServiceRestart, facts: Facts) -> Finding:
    """Where it was tried, all that was declared and ran must have been restarted."""
    tried = m.manager_restarted is not None
    happened = bool(m.manager_restarted) and m.restarted == m.running
    outcome = (
        f"when it was killed, init {'restarted it' if m.manager_restarted else 'did not restart it'}; "
        "restarted with it: {restarted_count} of the {running_count} that ran"
    )
    return Finding.whether(
        set(m.declared) >= RESTARTED and (happened or not tried),
        "services that the .rc files restart with it: {declared}; "
        + (outcome if tried else "it was not killed here"),
        declared=Figure(m.declared, "onrestart in the .rc files"),
        running=Figure(m.running, PROPERTY),
        running_count=Figure(len(m.running), PROPERTY, unit="services"),
        restarted=Figure(m.restarted, PROPERTY),
        restarted_count=Figure(len(m.restarted), PROPERTY),
        manager_restarted=Figure(m.manager_restarted, PROPERTY),
    )


@claim(
    "sm.first-ping",
    measure=measure_first_calls,
    documents="A",
    statement="The first thing that a process on libbinder sends to the Service Manager is a ping.",
    experiment="Trace AOSP's `service check manager` from its first instruction on.",
    source="frameworks/native: libs/binder/ProcessState.cpp, getStrongProxyForHandle, Android 11",
    needs=(Need.SERVICE_MANAGER, Need.TRACING),
)
def first_ping(m: FirstCalls, facts: Facts) -> Finding:
    """The first of several transactions must be the ping, to the service manager and to handle 0."""
    if not m.complete:
        return Finding.not_testable(LOST_EVENTS)
    to_zero = m.handles is None or m.handles[:1] == (0,)
    destination = (
        ", all to the service manager, process {service_manager_process}"
        if set(m.receivers) == {m.service_manager}
        else "; receiving processes: {receivers}; process of the service manager: {service_manager_process}"
    )
    return Finding.whether(
        len(m.calls) > 1
        and m.calls[0] == BasicCode.PING_TRANSACTION.name
        and m.receivers[0] == m.service_manager
        and to_zero,
        f"its transactions: {{calls}}{destination}",
        calls=Figure(m.calls, TRANSACTION),
        receivers=Figure(m.receivers, TRANSACTION, varies=True),
        service_manager_process=Figure(m.service_manager, "pidof", varies=True),
        handles=Figure(m.handles, "probe on binder_transaction"),
    )
