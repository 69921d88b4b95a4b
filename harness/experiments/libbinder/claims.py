"""Claims about libbinder's ProcessState: one for each process, its mapping, its driver, and forks.

The library is Android 11's: the one that the probe carries, on every device.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from harness.binder.services.service import BINDER
from harness.device.facts import Need
from harness.experiments.core.claim import Evidence, Finding, Section, Verdict, claim
from harness.experiments.libbinder.process_state import (
    measure_missing_driver,
    measure_process_state,
    measure_use_after_fork,
)

if TYPE_CHECKING:
    from harness.device.device import Device


@claim(
    "process.singleton",
    documents="A",
    section=Section.LIBBINDER,
    statement="A process has one ProcessState with one descriptor and one mapping, however often it asks.",
    experiment="Ask ProcessState::self() a thousand times, and count objects, descriptors and mappings.",
    source="frameworks/native: libs/binder/ProcessState.cpp, self, Android 11",
)
def singleton(device: Device) -> Finding:
    """Objects are counted within the process, what it has open and mapped by /proc."""
    measured = measure_process_state(device)
    counts = (measured.objects, len(measured.descriptors), len(measured.mappings))
    return Finding.whether(
        counts == (1, 1, 1),
        f"asked {measured.asked:,} times: objects {counts[0]}, descriptors {counts[1]}, mappings {counts[2]}",
        Evidence("times asked", "ProcessState::self()", measured.asked),
        Evidence("objects", "ProcessState::self()", measured.objects),
        Evidence("descriptors of the driver", "/proc/PID/fd", measured.descriptors),
        Evidence("bytes of each mapping", "/proc/PID/smaps", measured.mappings),
    )


@claim(
    "process.mapping-flags",
    documents="A",
    section=Section.LIBBINDER,
    statement="It maps the driver readable, privately, and without reserving swap space.",
    experiment="Read the permissions and flags of the mapping of a process that uses libbinder.",
    source="frameworks/native: libs/binder/ProcessState.cpp, constructor, Android 11",
)
def mapping_flags(device: Device) -> Finding:
    """`r--p` says readable, neither writable nor executable, private; `nr` says that no swap is reserved."""
    measured = measure_process_state(device)
    return Finding.whether(
        measured.permissions == ("r--p",) and all("nr" in flags for flags in measured.vm_flags),
        f"the mapping is {', '.join(measured.permissions)}, its flags are "
        + "; ".join(" ".join(flags) for flags in measured.vm_flags),
        Evidence("permissions", "/proc/PID/smaps", measured.permissions),
        Evidence("flags; nr: no swap is reserved", "VmFlags in /proc/PID/smaps", measured.vm_flags),
    )


@claim(
    "process.driver-fallback",
    documents="A",
    section=Section.LIBBINDER,
    statement="For a driver that is not there it takes /dev/binder.",
    experiment="Have libbinder open a device that does not exist, and see what it has open then.",
    source="frameworks/native: libs/binder/ProcessState.cpp, initWithDriver: access(R_OK), Android 10 and 11",
)
def driver_fallback(device: Device) -> Finding:
    """Refuted by a process that dies of it, or that has another device mapped, or none."""
    measured = measure_missing_driver(device)
    return Finding.whether(
        measured.signal is None and measured.used == BINDER and len(measured.mapped) == 1,
        f"{measured.asked} is asked for, and {measured.used or 'nothing'} is used",
        Evidence("driver in use", "ProcessState::getDriverName()", measured.used),
        Evidence("devices mapped", "/proc/self/maps", measured.mapped),
        Evidence("deadly signal", "waitpid", measured.signal),
        Evidence("what it logged", "standard error", measured.log),
    )


@claim(
    "process.fork-check",
    documents="A",
    section=Section.LIBBINDER,
    statement="It refuses to be used in a child that was forked after its first use.",
    experiment="Use libbinder, fork, and in children ask for the ProcessState, ping, and look a service up.",
    source="frameworks/native: libs/binder/ProcessState.cpp: no such check in Android 11; verifyNotForked, "
    "Android 13",
    known=Verdict.REFUTED,
    instead="Android 11 checks nothing: the child has its parent's ProcessState and descriptor, but no "
    "mapping, and dies of the first reply that carries data. The check came with Android 13.",
    needs=(Need.SERVICE_MANAGER,),
)
def fork_check(device: Device) -> Finding:
    """A refusal is libbinder's own, SIGABRT: to die of a fault, or to succeed, is none."""
    measured = measure_use_after_fork(device)
    return Finding.whether(
        all(use.signal == signal.SIGABRT for use in measured),
        "; ".join(
            f"{use.use} in the child: "
            + (f"killed by {signal.Signals(use.signal).name}" if use.signal else f"gives {use.answer}")
            for use in measured
        ),
        *(
            Evidence(f"{use.use} in a child", "libbinder", use.answer or f"killed by signal {use.signal}")
            for use in measured
        ),
    )
