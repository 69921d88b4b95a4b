"""Claims about the Service Manager itself: its place at handle 0, its start, its loop, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.binder.services.interface import BasicCode
from harness.device.facts import Need
from harness.experiments.core.claim import Evidence, Expectation, Finding, Section, Verdict, claim
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.instruments.generations import FIRST_ON_LIBBINDER, HOLDS_IN_C, some_hold
from harness.experiments.instruments.service_managers import IN_C
from harness.experiments.service_manager.context_manager import (
    measure_first_calls,
    measure_handle_zero,
    measure_second_context_manager,
)
from harness.experiments.service_manager.loop import measure_read_buffer, measure_start
from harness.experiments.service_manager.restart import measure_service_restart

if TYPE_CHECKING:
    from harness.device.device import Device

READ_IN_C = 32 * 4
"""uint32_t readbuf[32]."""
READ_BY_LIBBINDER = 256
CONTEXT_MANAGER = ("BINDER_SET_CONTEXT_MGR_EXT", "BINDER_SET_CONTEXT_MGR")
RESTARTED = {"zygote", "media", "surfaceflinger"}


@claim(
    "sm.handle-zero",
    documents="BC",
    section=Section.SERVICE_MANAGER,
    statement="Handle 0 is the Service Manager in every process, without any lookup.",
    experiment="Ping handle 0 in a process that has looked nothing up, find the owner of what is behind it "
    "in the driver's records, and see which handles services get.",
    source="drivers/android/binder.c: binder_ioctl_set_ctx_mgr, get_ref_desc_olocked, Linux 6.12",
    needs=(Need.SERVICE_MANAGER,),
)
def handle_zero(device: Device) -> Finding:
    """Refuted by another owner, or by a service that is found under handle 0."""
    measured = measure_handle_zero(device)
    # Without root neither may be told; what can be compared must agree.
    owned = None in (measured.owner, measured.service_manager) or measured.owner == measured.service_manager
    process = f"process {measured.service_manager}" if measured.service_manager else "a process not told"
    return Finding.whether(
        measured.answer == SUCCESS and owned and 0 not in measured.handles_found,
        f"handle 0 of a fresh process answers as the service manager of {measured.speaks}, which is "
        f"{process}; the handles of services are {list(measured.handles_found)}",
        Evidence("outcome of a ping", "BC_TRANSACTION to handle 0", measured.answer),
        Evidence("release that it speaks like", "the methods of IServiceManager", measured.speaks),
        Evidence("owner of the node", "state, of the driver's debug files", measured.owner),
        Evidence("process of the service manager", "pidof", measured.service_manager),
        Evidence("handles of services", "checkService", measured.handles_found),
    )


@claim(
    "sm.single",
    documents="B",
    section=Section.SERVICE_MANAGER,
    statement="Only one process can be the context manager of a device: any other gets EBUSY.",
    experiment="Try to become it beside the service manager, and beside and after a process of our own.",
    source="drivers/android/binder.c: binder_ioctl_set_ctx_mgr, Linux 6.12",
    needs=(Need.SERVICE_MANAGER,),
)
def single_context_manager(device: Device) -> Finding:
    """On a device without context manager, where there is one, the first attempt must succeed."""
    measured = measure_second_context_manager(device)
    beside = (measured.beside_service_manager, measured.beside_service_manager_extended)
    free = (measured.on_free_device, measured.beside_it, measured.once_more)
    return Finding.whether(
        beside == ("EBUSY", "EBUSY") and free in ((SUCCESS, "EBUSY", "EBUSY"), (None, None, None)),
        f"beside the service manager: {beside[0]}; on a device without one: {free[0]}, "
        f"then for a second process: {free[1]}, and for the first once more: {free[2]}",
        Evidence("outcome beside the service manager", "BINDER_SET_CONTEXT_MGR", beside[0]),
        Evidence("outcome beside the service manager", "BINDER_SET_CONTEXT_MGR_EXT", beside[1]),
        Evidence("first process on a free device", "BINDER_SET_CONTEXT_MGR_EXT", free[0]),
        Evidence("second process there", "BINDER_SET_CONTEXT_MGR", free[1]),
        Evidence("first process there, again", "BINDER_SET_CONTEXT_MGR", free[2]),
    )


@claim(
    "sm.start-sequence",
    documents="B",
    section=Section.SERVICE_MANAGER,
    statement="It opens the driver, asks for the version, maps, becomes context manager, enters the looper, "
    "and then reads in a loop.",
    experiment="Start one of each generation on a device without context manager, traced, and ping it.",
    source="frameworks/native: cmds/servicemanager/binder.c, binder_open, binder_loop, Android 10; "
    "libs/binder/ProcessState.cpp, open_driver, and cmds/servicemanager/main.cpp, Android 11",
    needs=(Need.FREE_BINDER, Need.KPROBES),
)
def start_sequence(device: Device) -> Finding:
    """Each step must come after the one before it; the loop must have been read more than once."""
    measured = measure_start(device)
    return Finding.whether(
        all(start.complete and starts_as_told(start.steps) for start in measured),
        "; ".join(f"{start.generation}: {', '.join(dict.fromkeys(start.steps))}" for start in measured),
        *(
            Evidence(
                f"steps; {start.generation}",
                "probes on binder_open, binder_mmap and binder_ioctl, tracepoint binder_command",
                start.steps,
            )
            for start in measured
        ),
    )


def starts_as_told(steps: Sequence[str]) -> bool:
    """Whether the steps of a start hold those of the statement, each for the first time in its order."""
    becoming = next((step for step in CONTEXT_MANAGER if step in steps), "")
    told = ["open", "BINDER_VERSION", "mmap", becoming, "BC_ENTER_LOOPER"]
    reads = [place for place, step in enumerate(steps) if step.startswith("read ")]
    if not set(told) <= set(steps) or len(reads) < 2:
        return False
    places = [*map(steps.index, told), reads[0]]
    return places == sorted(places)


@claim(
    "sm.read-buffer",
    documents="B",
    section=Section.SERVICE_MANAGER,
    statement="Its loop reads into a buffer of 32 words.",
    experiment="Trace its ioctls while it answers pings, and how much they ask to read; of each generation "
    "there is.",
    source="frameworks/native: cmds/servicemanager/binder.c, binder_loop, Android 10; "
    "libs/binder/IPCThreadState.cpp: mIn.setDataCapacity(256), Android 11",
    known=HOLDS_IN_C,
    instead="From Android 11 on it is written on libbinder, and reads into 256 bytes, which are 64 words.",
    needs=(Need.KPROBES,),
)
def read_buffer(device: Device) -> Finding:
    """All reads of its loop must ask for 128 bytes."""
    measured = measure_read_buffer(device)
    return Finding(
        some_hold([reads.complete and reads.sizes == (READ_IN_C,) for reads in measured]),
        "; ".join(
            f"{reads.generation}: reads of {', '.join(map(str, reads.sizes))} bytes" for reads in measured
        ),
        tuple(
            Evidence(
                f"bytes of a read; {reads.generation}",
                "read_size in the argument of BINDER_WRITE_READ",
                reads.sizes,
                known=[READ_IN_C if reads.generation == IN_C else READ_BY_LIBBINDER],
            )
            for reads in measured
        ),
    )


@claim(
    "sm.restart",
    documents="B",
    section=Section.SERVICE_MANAGER,
    statement="When it dies, init restarts it and, with it, zygote, media, surfaceflinger and others.",
    experiment="Read in the .rc files what follows its death; on an Android of the harness's own, also kill "
    "it, and see what is restarted.",
    source="frameworks/native: cmds/servicemanager/servicemanager.rc, Android 10 and 11",
    known=Expectation(
        "confirmed to Android 11",
        lambda facts: Verdict.CONFIRMED if (facts.api_level or 0) <= FIRST_ON_LIBBINDER else None,
    ),
    time_limit=300,
)
def restart(device: Device) -> Finding:
    """Where it was tried, all that was declared and ran must have been restarted."""
    measured = measure_service_restart(device)
    tried = measured.manager_restarted is not None
    happened = bool(measured.manager_restarted) and measured.restarted == measured.running
    outcome = f"{len(measured.restarted)} of the {len(measured.running)} that ran were restarted"
    return Finding.whether(
        set(measured.declared) >= RESTARTED and (happened or not tried),
        f"init is told to restart {', '.join(measured.declared) or 'nothing'}; "
        f"{outcome if tried else 'nothing was killed'}",
        Evidence("declared", "onrestart in the .rc files", measured.declared),
        Evidence("ran before", "init.svc_debug_pid.*", measured.running),
        Evidence("restarted", "init.svc_debug_pid.*", measured.restarted),
        Evidence("service manager restarted", "init.svc_debug_pid.*", measured.manager_restarted),
    )


@claim(
    "sm.first-ping",
    documents="A",
    section=Section.SERVICE_MANAGER,
    statement="The first thing that a process on libbinder says to the Service Manager is a ping.",
    experiment="Trace AOSP's `service check manager` from its first instruction on.",
    source="frameworks/native: libs/binder/ProcessState.cpp, getStrongProxyForHandle, Android 11",
    needs=(Need.SERVICE_MANAGER, Need.TRACING),
)
def first_ping(device: Device) -> Finding:
    """The first of several transactions must be the ping, to the service manager and to handle 0."""
    measured = measure_first_calls(device)
    to_zero = measured.handles is None or measured.handles[:1] == (0,)
    return Finding.whether(
        measured.complete
        and len(measured.calls) > 1
        and measured.calls[0] == BasicCode.PING_TRANSACTION.name
        and measured.receivers[0] == measured.service_manager
        and to_zero,
        f"its transactions are {', '.join(measured.calls)}; they go to processes {list(measured.receivers)}, "
        f"and the service manager is process {measured.service_manager}",
        Evidence("codes, by name", "tracepoint binder_transaction", measured.calls),
        Evidence("receivers", "tracepoint binder_transaction", measured.receivers),
        Evidence("process of the service manager", "pidof", measured.service_manager),
        Evidence("handles", "probe on binder_transaction", measured.handles),
    )
