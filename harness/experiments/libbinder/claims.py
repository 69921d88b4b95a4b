"""Claims about libbinder's ProcessState: one for each process, its mapping, its driver, and forks.

The library is the device's own or, where it has none, AOSP's of the generation of its user space.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping

from harness.binder.services.service import BINDER
from harness.device.binder_report import LIBBINDER_THREADS
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.libbinder.process_state import (
    ChildUse,
    MaximumThreads,
    MissingDriver,
    ProcessState,
    measure_maximum_threads,
    measure_missing_driver,
    measure_process_state,
    measure_use_after_fork,
)

_SIGNALS = {int(number): number.name for number in signal.Signals}
_WORD_ENDS = re.compile(r"(?<=[a-z])(?=[A-Z])|\W+")


@claim(
    "process.singleton",
    measure=measure_process_state,
    documents="A",
    statement="A process has one ProcessState with one descriptor and one mapping, however often it asks.",
    experiment="Ask ProcessState::self() a thousand times, and count objects, descriptors and mappings.",
    source="frameworks/native: libs/binder/ProcessState.cpp, self, Android 11",
)
def singleton(m: ProcessState, facts: Facts) -> Finding:
    """Objects are counted within the process, what it has open and mapped by /proc."""
    counts = (m.objects, len(m.descriptors), len(m.mappings))
    return Finding.whether(
        counts == (1, 1, 1),
        "asked {times_asked}, ProcessState::self() gave {objects}; the process has {descriptor_count} and "
        "{mapping_count} of the driver",
        times_asked=Figure(m.asked, "ProcessState::self()", unit="times"),
        objects=Figure(m.objects, "ProcessState::self()", unit="objects"),
        library=Figure(m.library, "dlopen", varies=True),
        descriptors=Figure(m.descriptors, "/proc/PID/fd"),
        descriptor_count=Figure(len(m.descriptors), "/proc/PID/fd", unit="descriptors"),
        mapping_sizes=Figure(m.mappings, "/proc/PID/smaps", unit="bytes"),
        mapping_count=Figure(len(m.mappings), "/proc/PID/smaps", unit="mappings"),
    )


@claim(
    "process.mapping-flags",
    measure=measure_process_state,
    documents="A",
    statement="It maps the driver readable, privately, and without reserving swap space.",
    experiment="Read the permissions and flags of the mapping of a process that uses libbinder.",
    source="frameworks/native: libs/binder/ProcessState.cpp, constructor, Android 11",
)
def mapping_flags(m: ProcessState, facts: Facts) -> Finding:
    """`r--p` is readable, neither writable nor executable, private; `nr` means that no swap is reserved."""
    return Finding.whether(
        m.permissions == ("r--p",) and all("nr" in flags for flags in m.vm_flags),
        "permissions of the mapping: {permissions}; its flags: {vm_flags} (nr: no swap is reserved)",
        permissions=Figure(m.permissions, "/proc/PID/smaps"),
        vm_flags=Figure(m.vm_flags, "VmFlags in /proc/PID/smaps"),
        library=Figure(m.library, "dlopen", varies=True),
    )


@claim(
    "process.driver-fallback",
    measure=measure_missing_driver,
    documents="A",
    statement="For a driver that is not there it takes /dev/binder.",
    experiment="Have libbinder open a device that does not exist, and see what it has open then.",
    source="frameworks/native: libs/binder/ProcessState.cpp, initWithDriver: access(R_OK), Android 10 and 11",
)
def driver_fallback(m: MissingDriver, facts: Facts) -> Finding:
    """Refuted by a process that dies of it, or that has another device mapped, or none."""
    return Finding.whether(
        m.signal is None and m.used == BINDER and len(m.mapped) == 1,
        f"given {{driver_asked_for}}, libbinder {'uses {driver_used}' if m.used else 'uses no driver'}"
        + (f"; the process dies of {_signal_name(m.signal)}" if m.signal else ""),
        driver_asked_for=Figure(m.asked, "ProcessState::initWithDriver()"),
        driver_used=Figure(m.used, "ProcessState::getDriverName()"),
        devices_mapped=Figure(m.mapped, "/proc/self/maps"),
        deadly_signal=Figure(m.signal, "waitpid"),
        log=Figure(m.log, "standard error", varies=True),
        library=Figure(m.library, "dlopen", varies=True),
    )


@claim(
    "process.fork-check",
    measure=measure_use_after_fork,
    documents="A",
    statement="It refuses to be used in a child that was forked after its first use.",
    experiment="Use libbinder, fork, and in children ask for the ProcessState, ping, and look a service up.",
    source="frameworks/native: libs/binder/ProcessState.cpp: no such check in Android 11; verifyNotForked, "
    "Android 13",
    expected=Verdict.REFUTED,
    what_is_true="Up to Android 12 nothing is checked: the child has its parent's ProcessState and "
    "descriptor, but no mapping, and dies of the first reply that carries data. From Android 13 on "
    "ProcessState::self() aborts; a proxy that the child has already is used, and crashes or finds nothing.",
    needs=(Need.SERVICE_MANAGER,),
)
def fork_check(m: tuple[ChildUse, ...], facts: Facts) -> Finding:
    """A refusal is libbinder's own, SIGABRT: to die of a fault, or to succeed, is none."""
    sentences = []
    figures = {"library": Figure(m[0].library, "dlopen", varies=True)} if m else {}
    for use in m:
        name = f"outcome.{_slug(use.use)}"
        figures[name] = Figure(_outcome(use), "libbinder")
        gives = "gives " if use.answer else ""
        name_of_signal = f" ({_signal_name(use.signal)})" if use.signal else ""
        sentences.append(f"{use.use} in the child: {gives}{{{name}}}{name_of_signal}")
    return Finding.whether(all(use.signal == signal.SIGABRT for use in m), "; ".join(sentences), **figures)


def _outcome(use: ChildUse) -> str | list[str]:
    """The outcome in words: what the call gave, no answer, or the signal that killed the child."""
    if use.answer:
        return _in_words(json.loads(use.answer))
    return "no answer" if use.signal is None else f"killed by signal {use.signal}"


def _in_words(answer: Mapping[str, object]) -> list[str]:
    """What `libbinder_probe fork` answers about one use."""
    parts = []
    for name, value in answer.items():
        if name == "same_object":
            parts.append("its parent's object" if value else "an object of its own")
        elif name == "found":
            parts.append("the service" if value else "no service")
        elif isinstance(value, list):  # descriptors, mappings
            parts.append(f"{len(value) or 'no'} {name if len(value) != 1 else name.removesuffix('s')}")
        else:
            parts.append(f"{name} {value}")
    return parts


def _signal_name(number: int) -> str:
    return _SIGNALS.get(number, "a real-time signal")


def _slug(called: str) -> str:
    """A call as a part of a figure's name: `ProcessState::self` is `process_state_self`."""
    return _WORD_ENDS.sub("_", called).lower()


@claim(
    "process.max-threads",
    measure=measure_maximum_threads,
    documents="E",
    statement="By default a process on libbinder lets the driver start up to 15 threads.",
    experiment="Have a process open the driver through libbinder, and read its limit in the debug files.",
    source="frameworks/native: libs/binder/ndk/include_platform/android/binder_process.h, "
    "ABinderProcess_setThreadPoolMaxThreadCount; ProcessState.cpp, DEFAULT_MAX_BINDER_THREADS, Android 11 to "
    "16",
    needs=(Need.BINDER_DEBUG,),
)
def max_threads(m: MaximumThreads, facts: Facts) -> Finding:
    """The thread that the process gives to Binder by itself is not among them."""
    return Finding.whether(
        m.maximum == LIBBINDER_THREADS,
        "the limit is {maximum}",
        maximum=Figure(m.maximum, "stats, of the driver's debug files", unit="threads"),
        library=Figure(m.library, "dlopen", varies=True),
    )
