"""Runs AOSP's test programs on a device, one after the other, and takes away what they leave."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, TimeLimitError, UsageError, did_you_mean
from emulator.base.progress import step
from emulator.build.aosp_tests import aosp_tests, test_names
from emulator.build.generation import DEFAULT_GENERATION, GENERATIONS, Generation
from emulator.build.userland import THROUGHPUT_TEST, binder_userland
from harness.agent.exit_status import ExitStatus
from harness.aosp_tests.expected import EXPECTED_FAILURES
from harness.aosp_tests.googletest import Outcome, TestCase, read_output, read_report, with_reasons
from harness.binder.endpoint import Binder
from harness.binder.parcels.parcel import Parcel
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.device.facts import Need
from harness.framework.standin import OF_LIBBINDER, why_not_registrable

if TYPE_CHECKING:
    from harness.device.device import Device

PROGRAM_SECONDS = 300.0
"""How long one program may take: the longest, libbinder_ndk's of Android 14, takes 70 s under emulation."""
MEASURED = ("-w", "2", "-i", "500", "-p")
"""One client and one server, 500 calls: whether it works, not how fast."""
SURFACE_FLINGER = "SurfaceFlinger"
"""The service that libbinder_ndk's test calls: a device without it gets one that answers nothing."""
LARGEST_LOG = 4 << 20


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """What came of one program."""

    name: str
    cases: tuple[TestCase, ...]
    seconds: float
    ending: str = ""
    """How it ended, unless it ran to its end: `was killed by SIGABRT`, `did not end within 120 s`."""

    @property
    def passed(self) -> bool:
        """Whether it ran to its end, and no test failed but those that are expected to."""
        return not self.ending and not any(
            case.outcome in (Outcome.FAILED, Outcome.UNFINISHED) and case.name not in EXPECTED_FAILURES
            for case in self.cases
        )

    def count(self, outcome: Outcome) -> int:
        """How many of its tests ended so."""
        return sum(case.outcome is outcome for case in self.cases)


def generation_for(device: Device) -> Generation:
    """The generation whose libbinder can register services on the device.

    Raises FacilityMissingError where none can.
    """
    Need.SERVICE_MANAGER.require(device.facts)
    with device.process() as process, Binder.open(process, BINDER) as binder:
        dialect = ServiceManager(binder).dialect
    own = device.facts.libbinder_release
    reasons = {release: why_not_registrable(dialect, release) for release in (own, *OF_LIBBINDER)}
    for release, reason in reasons.items():
        if reason is None:
            return GENERATIONS[release]
    raise FacilityMissingError(
        f"needs a libbinder that the service manager of {dialect.name} takes, and those of Android "
        f"{', '.join(map(str, OF_LIBBINDER))}, which can be built, are none. It can be tested on the target "
        "`embedded`."
    )


def chosen(names: Sequence[str], generation: Generation = DEFAULT_GENERATION) -> list[str]:
    """A generation's programs whose names begin so, or all of them.

    Raises UsageError, with all names, for one that none begins with.
    """
    programs = [*test_names(generation), THROUGHPUT_TEST]
    for name in names:
        if not any(program.startswith(name) for program in programs):
            near = did_you_mean(name, programs)
            raise UsageError(f"{generation} has no test {name!r}.{near} Programs: {', '.join(programs)}.")
    return [name for name in programs if not names or name.startswith(tuple(names))]


def run_programs(device: Device, names: Sequence[str], generation: Generation) -> Iterator[ProgramRun]:
    """Run programs one after the other; each result comes as soon as it is there.

    They are built at the first use.
    """
    directory = aosp_tests(device.architecture, generation)
    throughput = binder_userland(device.architecture, generation) / THROUGHPUT_TEST
    with _surface_flinger(device):
        for name in names:
            with step(f"running {name}"):
                path = throughput if name == THROUGHPUT_TEST else directory / name
                yield run_program(device, name, path)


def run_program(device: Device, name: str, path: Path, *, seconds: float = PROGRAM_SECONDS) -> ProgramRun:
    """Run one program to its end, and end the processes that it leaves.

    Its streams are files: a process that it leaves behind would keep a shell's open, and its thousands of
    lines take ten seconds over adb.
    """
    directory = f"{device.surroundings.directory}/aosp-tests"
    device.shell(["mkdir", "-p", directory])
    try:
        return _run(device, f"{directory}/{name}", path, seconds)
    finally:
        device.run(["rm", "-rf", directory])


def _run(device: Device, remote: str, path: Path, seconds: float) -> ProgramRun:
    measures = path.name == THROUGHPUT_TEST
    report, log = f"{remote}.json", f"{remote}.log"
    device.push(path, remote, mode=0o755)
    words = " ".join(MEASURED) if measures else f"--gtest_output=json:{report}"
    started = time.monotonic()
    ending, status = "", None
    with device.program(["sh", "-c", f"exec {remote} {words} </dev/null >{log} 2>&1"]) as program:
        try:
            status = program.resume().wait(Deadline(seconds))
        except TimeLimitError:
            ending = f"did not end within {seconds:g} s"
    taken = time.monotonic() - started
    _end_what_is_left(device, remote)
    output = _text(device, log)
    if measures:
        return _as_one_case(path.name, status, ending, taken, output)
    if device.files.exists(report):
        cases = with_reasons(read_report(_text(device, report)), output)
        return ProgramRun(path.name, cases, taken, ending)
    return ProgramRun(
        path.name, read_output(output), taken, ending or f"{status or 'ended'} before its report"
    )


def _as_one_case(
    name: str, status: ExitStatus | None, ending: str, seconds: float, output: str
) -> ProgramRun:
    done = status is not None and status.code == 0 and "iterations per sec" in output
    outcome = Outcome.PASSED if done else Outcome.FAILED
    message = "" if done else output[-2000:]
    if status is not None and status.code != 0:
        ending = str(status)
    return ProgramRun(name, (TestCase(f"{name}.run", outcome, seconds, message),), seconds, ending)


def _text(device: Device, remote: str) -> str:
    content = device.files.read_bytes(remote) if device.files.exists(remote) else b""
    return content[-LARGEST_LOG:].decode(errors="replace")


def _end_what_is_left(device: Device, remote: str) -> None:
    """binderSafeInterfaceTest leaves a server behind, and a test that was killed leaves its own."""
    for pid in device.run(["pidof", os.path.basename(remote)]).output.split():
        with contextlib.suppress(OSError):  # it has ended
            if device.files.read_link(f"/proc/{pid}/exe") == remote:
                device.run(["kill", "-9", pid])


@contextlib.contextmanager
def _surface_flinger(device: Device) -> Iterator[None]:
    with device.process() as process, Binder.open(process, BINDER) as binder:
        there = ServiceManager(binder).check(SURFACE_FLINGER) is not None
    if there:
        yield
        return
    with device.service(SURFACE_FLINGER, lambda _: Parcel(), interface="android.ui.ISurfaceComposer"):
        yield
