"""A fake device, and claims that are judged on it: nothing is booted, the rest is real."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, TimeLimitError
from emulator.base.progress import report
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Claim, Topic
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict

FACTS = Facts(
    architecture="x86_64",
    page_size=4096,
    kernel_release="6.12.48+deb12-amd64",
    processors=2,
    memory_bytes=512 << 20,
    root=True,
    binder_devices=("/dev/binder", "/dev/vndbinder"),
    free_binder_device="/dev/vndbinder",
    binder_protocol=8,
    driver="C",
    driver_ioctls=frozenset({"BINDER_VERSION", "BINDER_WRITE_READ"}),
    driver_features=("extended_error", "freeze_notification"),
    reasons={Need.KCORE: "this kernel has no /proc/kcore"},
)
CONSOLE = "Kernel panic - not syncing: of a test"
CLOSED_LOG = "BINDER_HARNESS_TEST_CLOSED_LOG"
"""Environment variable: a file to which a device appends its serial when it is closed."""
TOGETHER = "BINDER_HARNESS_TEST_TOGETHER"
"""Environment variable: a directory in which a device that is opened waits for that of a second process."""


class FakeDevice:
    """The part of a device that judging claims and the commands use."""

    opened = 0

    def __init__(self, facts: Facts = FACTS) -> None:
        FakeDevice.opened += 1
        self.serial = f"fake-{os.getpid()}-{FakeDevice.opened}"
        self.facts = facts
        self.surroundings = SimpleNamespace(is_android=True)
        self.alive = True
        self.lost_by_adb = False
        self.silent = False
        """Whether it starts no more agents."""
        self.processes: list[FakeProcess] = []
        self.rollbacks = 0

    def __enter__(self) -> FakeDevice:
        return self

    def __exit__(self, *_: object) -> None:
        if CLOSED_LOG in os.environ:
            with Path(os.environ[CLOSED_LOG]).open("a") as log:
                log.write(f"{self.serial}\n")

    def console_tail(self) -> str:
        return CONSOLE

    def check_responds(self, deadline: Deadline) -> None:
        deadline.check("an answer")
        if self.silent:
            raise TimeLimitError("a fresh agent: not within 5 s")

    def rollback(self) -> None:
        self.rollbacks += 1

    def recover(self, _: BaseException) -> bool:
        lost, self.lost_by_adb = self.lost_by_adb, False
        return lost

    def reset_after_reboot(self) -> None:
        pass

    def process(self, **options: int) -> FakeProcess:
        self.processes.append(FakeProcess(options))
        return self.processes[-1]


class FakeProcess:
    """A process or a binder endpoint that records whether it was closed."""

    def __init__(self, options: dict[str, Any], process: FakeProcess | None = None, node: str = "") -> None:
        self.options, self.process, self.node, self.closed = options, process, node, False

    def __enter__(self) -> FakeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    @classmethod
    def open(cls, process: FakeProcess, node: str, **options: Any) -> FakeProcess:
        return cls(options, process, node)


def device_module(facts: Facts = FACTS, *, missing: str = "", lost: str = "") -> ModuleType:
    """A replacement for `harness.device.device`: its open_device returns fakes, or raises an error."""

    def open_device(target: str = "embedded") -> FakeDevice:
        if missing:
            raise SetupError(missing)
        if lost:
            raise DeviceLostError(lost)
        report(f"starting {target}")
        device = FakeDevice(facts)
        if TOGETHER in os.environ:
            place = Path(os.environ[TOGETHER])
            (place / device.serial).touch()
            Deadline(30).poll(lambda: len(list(place.iterdir())) >= 2, "a second device")
        return device

    return cast(ModuleType, SimpleNamespace(open_device=open_device, Device=FakeDevice))


def make_claim(
    id: str,  # noqa: A002
    measure: Callable[[FakeDevice], object],
    verdict: Callable[[Any, Facts], Finding] | None = None,
    *,
    expected: Verdict | Expectation = Verdict.CONFIRMED,
    needs: tuple[Need, ...] = (),
    topic: Topic = Topic.MAPPING,
    what_is_true: str = "",
    alone: bool = False,
) -> Claim:
    """A claim whose measurement is its finding, unless a verdict function is given."""
    return Claim(
        id=id,
        topic=topic,
        documents="AB",
        statement=f"What {id} states.",
        experiment=f"What {id} does.",
        source="drivers/android/binder.c, Linux 6.12",
        measure=cast(Any, measure),
        verdict=verdict or _never,
        expected=expected,
        needs=needs,
        what_is_true=what_is_true,
        alone=alone,
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurement of the fake experiments."""

    number: int


def _never(_: Any, __: Facts) -> Finding:
    raise AssertionError("nothing was measured")


def _sixteen(_: FakeDevice) -> Measured:
    return Measured(16)


def _confirmed(m: Measured, _: Facts) -> Finding:
    return Finding.whether(True, "it failed with {errno}", errno=Figure(m.number, "mmap", expected=16))


def _refuted(_: Measured, __: Facts) -> Finding:
    return Finding.whether(False, "pages at mmap: {pages}", pages=Figure(0, "/proc/PID/smaps"))


def _other_figure(_: Measured, __: Facts) -> Finding:
    return Finding.whether(
        True, "the largest is {largest}", largest=Figure(1040380, "mmap", expected=1040384, unit="bytes")
    )


def _dies(device: FakeDevice) -> Measured:
    device.alive = False
    raise DeviceLostError(f"the device ended\n{CONSOLE}")


def _breaks(_: FakeDevice) -> Measured:
    raise ValueError("a mistake in the experiment")


def _kills_its_process(_: FakeDevice) -> Measured:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it is dead")


def _waits(_: FakeDevice) -> Measured:
    report("waiting")
    while True:
        try:
            threading.Event().wait(60)
        except OSError:  # like an experiment for which every OSError is a result
            continue


_ALL = (
    make_claim("mmap.once", _sixteen, _confirmed),
    make_claim(
        "mmap.first-page",
        _sixteen,
        _refuted,
        expected=Verdict.REFUTED,
        what_is_true="none until the first transaction",
    ),
    make_claim("copy.binder-one", _sixteen, _confirmed, needs=(Need.KCORE,), topic=Topic.COPIES),
    make_claim("limit.figure", _sixteen, _other_figure, topic=Topic.LIMITS),
    make_claim("limit.verdict", _sixteen, _refuted, topic=Topic.LIMITS),
    make_claim("proto.dies", _dies, topic=Topic.PROTOCOL),
    make_claim("proto.killed", _kills_its_process, topic=Topic.PROTOCOL),
    make_claim("proto.breaks", _breaks, topic=Topic.PROTOCOL),
    make_claim("proto.waits", _waits, topic=Topic.PROTOCOL),
    make_claim("sm.single", _sixteen, _confirmed, topic=Topic.SERVICE_MANAGER),
)
CLAIMS_BY_ID = {claim.id: claim for claim in _ALL}
RETURNING = tuple(name for name in CLAIMS_BY_ID if name not in ("proto.waits", "proto.killed"))
"""The claims that can be judged in the process of a test: others never end, or end it."""
AS_EXPECTED = ("mmap.once", "mmap.first-page", "copy.binder-one", "sm.single")


def choose(*ids: str) -> dict[str, Claim]:
    """The claims with these ids; by default those whose results are as expected."""
    return {name: claim for name, claim in CLAIMS_BY_ID.items() if name in (ids or AS_EXPECTED)}
