"""Verdicts over made-up measurements: what a kernel would show on which a statement is true, or is false."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.mapping import claims, memory_claims
from harness.experiments.mapping.file_backing import FileActivity, FileBacking
from harness.experiments.mapping.frames import SameFrames, SeenPayload, SharedFrames
from harness.experiments.mapping.kernel_memory import DriverMemory, KernelArea
from harness.experiments.mapping.mapping_owner import ForkedMapping, InheritedFile, SecondMapping
from harness.experiments.mapping.mapping_size import MappingCap, OneWayShare
from harness.experiments.mapping.pages import Arrival, FreedBuffer, FreshMapping, GrowingMapping, PageCounts
from harness.experiments.mapping.write_protection import UserWrites, WritableMapping
from harness.kernel.binder_debug.stats import Pages
from harness.kernel.proc.frame_flags import Frame, FrameFlag
from harness.kernel.proc.memory import VmallocArea
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONFIRMED,
    NOT_TESTABLE,
    REFUTED,
    Case,
    VerdictFunction,
)

PAGE = FACTS.page_size
MIB = 1 << 20
FLAGS = ("dc", "me", "mm", "mr", "nr", "rd", "sd")
OF_DRIVER = Frame(5, FrameFlag.MMAP, 1)
OF_A_FILE = Frame(6, FrameFlag.MMAP | FrameFlag.UPTODATE | FrameFlag.LRU, 3)
USED_FILE = Frame(8, OF_A_FILE.flags | FrameFlag.REFERENCED, 3)
OF_KMALLOC = Frame(7, FrameFlag.SLAB | FrameFlag.MMAP, 1)


def counts(present: int, counted: Pages | None = None) -> PageCounts:
    return PageCounts(present, present, counted)


def seen(sent: bytes, by_kernel: bytes) -> SeenPayload:
    return SeenPayload(sent, sent, by_kernel, (1, 2))


def area(size: int, caller: str) -> VmallocArea:
    return VmallocArea(0, size, size, caller, "", ())


CAP = MappingCap(8 * MIB, 8 * MIB, 4 * MIB, 28, 4 * MIB)
WRITABLE = WritableMapping("EPERM", "success", "EACCES", FLAGS)
FORKED = ForkedMapping(FLAGS, "success", "EFAULT", "success", None, "/dev/binder")
SECOND = SecondMapping("success", "EBUSY", "EBUSY", "success")
SHARE = OneWayShare(MIB, MIB // 2, MIB // 2, MIB // 2, 28, False)
BACKING = FileBacking("/dev/binder", (OF_DRIVER,), (OF_A_FILE,), FileActivity(0, 0, 0))
WRITES = UserWrites("EFAULT", "EFAULT", "EIO", "success", True)
GROWING = GrowingMapping(PAGE, (Arrival(1, 1, 1, True), Arrival(PAGE, 1, 1, True)), counts(2))
FREED = FreedBuffer(10 * PAGE, PAGE, counts(10, Pages(10, 0, 244)), counts(10, Pages(0, 10, 244)), counts(0))
MEMORY = DriverMemory(None, True, True, "SLUB", 64, {"kmalloc-8k": 64}, (OF_DRIVER,))
SLOB = dataclasses.replace(MEMORY, slub_caches=False, statistics=False, allocator="SLOB")
SMALLEST_SLUB = dataclasses.replace(SLOB, allocator="SLUB", payload=(OF_KMALLOC,))
OTHER = area(5 * PAGE, "copy_process+0x1/0x2")
OF_MAPPING = area(MIB + PAGE, "binder_alloc_mmap_handler+0x1/0x2")
AREA = KernelArea(MIB, PAGE, (OTHER,))
OLD_AREA = KernelArea(MIB, PAGE, (OF_MAPPING,))
SAME = SameFrames(100, seen(b"1", b"1"), seen(b"2", b"2"))
SHARED = SharedFrames(100, (1, 2), (1, 1), 30, 1, 1, ())

change: Callable[..., Any] = dataclasses.replace

CASES: list[Case] = [
    (claims.mmap_cap_4m, CAP, CONFIRMED),
    (claims.mmap_cap_4m, change(CAP, errno_beyond=None, counted=None), CONFIRMED),
    (claims.mmap_cap_4m, change(CAP, largest_payload=4 * MIB + 8), REFUTED),
    (claims.mmap_read_only, WRITABLE, CONFIRMED),
    (claims.mmap_read_only, change(WRITABLE, mapped_writable="success"), REFUTED),
    (claims.mmap_read_only, change(WRITABLE, made_writable="success"), REFUTED),
    (claims.mmap_read_only, change(WRITABLE, vm_flags=(*FLAGS, "mw")), REFUTED),
    (claims.mmap_not_forked, FORKED, CONFIRMED),
    (claims.mmap_not_forked, change(FORKED, child_reads="success"), REFUTED),
    (claims.mmap_not_forked, change(FORKED, child_mapping="/dev/binder"), REFUTED),
    (claims.mmap_not_forked, change(FORKED, child_mapping=""), REFUTED),
    (claims.mmap_not_forked, change(FORKED, parent_reads="EFAULT"), REFUTED),
    (claims.mmap_not_forked, change(FORKED, vm_flags=("dc", "rd")), REFUTED),
    (claims.mmap_once, SECOND, CONFIRMED),
    (claims.mmap_once, change(SECOND, second="success"), REFUTED),
    (claims.mmap_opener_only, InheritedFile("EINVAL", "success"), CONFIRMED),
    (claims.mmap_opener_only, InheritedFile("success", "EBUSY"), REFUTED),
    (claims.mmap_async_half, SHARE, CONFIRMED),
    (claims.mmap_async_half, change(SHARE, largest=MIB // 2 - 104), CONFIRMED),
    (claims.mmap_async_half, change(SHARE, largest=MIB, room_beside=0), REFUTED),
    (claims.mmap_async_half, change(SHARE, taken_beyond=True), REFUTED),
    (claims.mmap_async_half, change(SHARE, room_beside=MIB // 4), REFUTED),
    (claims.mmap_no_file_io, BACKING, CONFIRMED),
    (claims.mmap_no_file_io, change(BACKING, payload=(OF_A_FILE,)), REFUTED),
    (claims.mmap_no_file_io, change(BACKING, cost=FileActivity(1, 0, 0)), REFUTED),
    (claims.mmap_no_file_io, change(BACKING, cost=FileActivity(0, 8, 0)), REFUTED),
    (claims.mmap_no_file_io, change(BACKING, cost=FileActivity(0, 0, 8)), REFUTED),
    (claims.mmap_no_file_io, change(BACKING, program=(OF_DRIVER,)), NOT_TESTABLE),
    (claims.mmap_no_file_io, change(BACKING, program=()), NOT_TESTABLE),
    (claims.mmap_user_writes, WRITES, REFUTED),
    (claims.mmap_user_writes, change(WRITES, by_store="success", unchanged=False), CONFIRMED),
    (memory_claims.mmap_first_page, FreshMapping(MIB, PAGE, counts(0)), REFUTED),
    (memory_claims.mmap_first_page, FreshMapping(MIB, PAGE, counts(1)), CONFIRMED),
    (memory_claims.mmap_first_page, FreshMapping(MIB, PAGE, counts(256)), REFUTED),
    (memory_claims.mmap_lazy_pages, GROWING, CONFIRMED),
    (memory_claims.mmap_lazy_pages, change(GROWING, arrivals=(Arrival(1, 1, 256, False),)), REFUTED),
    (memory_claims.mmap_freed_at_once, FREED, REFUTED),
    (memory_claims.mmap_freed_at_once, change(FREED, shrunk=None), REFUTED),
    (memory_claims.mmap_freed_at_once, change(FREED, freed=counts(0)), CONFIRMED),
    (memory_claims.mmap_slob, MEMORY, REFUTED),
    (memory_claims.mmap_slob, change(MEMORY, payload=(OF_KMALLOC,)), REFUTED),
    (memory_claims.mmap_slob, change(MEMORY, allocator=None), REFUTED),
    (memory_claims.mmap_slob, SLOB, REFUTED),
    (memory_claims.mmap_slob, change(SLOB, payload=(OF_KMALLOC,)), CONFIRMED),
    (memory_claims.mmap_slob, SMALLEST_SLUB, REFUTED),
    (memory_claims.mmap_kernel_vm_area, AREA, REFUTED),
    (memory_claims.mmap_kernel_vm_area, OLD_AREA, CONFIRMED),
    (memory_claims.mmap_same_frame, SAME, CONFIRMED),
    (memory_claims.mmap_same_frame, change(SAME, second=seen(b"2", b"1")), REFUTED),
    (memory_claims.mmap_same_frame, change(SAME, first=seen(b"1", b"")), REFUTED),
    (memory_claims.mmap_sender_shares, SHARED, REFUTED),
    (memory_claims.mmap_sender_shares, change(SHARED, common=(2,)), CONFIRMED),
]


@pytest.mark.parametrize(
    ("function", "measured", "unexpected"),
    [
        (claims.mmap_cap_4m, CAP, {}),
        (claims.mmap_cap_4m, change(CAP, largest_payload=MIB), {"largest_call": "1,048,576 bytes"}),
        (claims.mmap_user_writes, WRITES, {}),
        (claims.mmap_user_writes, change(WRITES, elsewhere="EIO"), {}),
        (
            memory_claims.mmap_lazy_pages,
            change(GROWING, pages=counts(3)),
            {"pages_present": "3 pages", "pages_resident": "3 pages"},
        ),
        (memory_claims.mmap_freed_at_once, FREED, {}),
        (
            memory_claims.mmap_freed_at_once,
            change(FREED, held=counts(11), shrunk=counts(1)),
            {"pages_present.with_payload": "11 pages", "pages_present.after_shrinking": "1 page"},
        ),
    ],
)
def test_figures_that_are_other_than_expected(
    function: VerdictFunction, measured: object, unexpected: dict[str, str]
) -> None:
    figures = function(measured, FACTS).figures
    assert {name: str(figure) for name, figure in figures.items() if not figure.as_expected} == unexpected


@pytest.mark.parametrize(
    ("function", "measured", "again"),
    [
        (claims.mmap_no_file_io, BACKING, change(BACKING, program=(USED_FILE,))),
        (memory_claims.mmap_slob, MEMORY, change(MEMORY, filled={"kmalloc-8k": 60, "kmalloc-8": 512})),
        (
            memory_claims.mmap_kernel_vm_area,
            OLD_AREA,
            change(OLD_AREA, appeared=(change(OF_MAPPING, start=9), OTHER)),
        ),
        (memory_claims.mmap_same_frame, SAME, change(SAME, first=change(SAME.first, frames=(8, 9)))),
        (memory_claims.mmap_sender_shares, SHARED, change(SHARED, receiver=(8, 9), sender=31)),
    ],
)
def test_what_differs_between_two_runs_on_one_device_is_marked(
    function: VerdictFunction, measured: object, again: object
) -> None:
    first, second = (function(each, FACTS).figures for each in (measured, again))
    differing = {name for name in first if first[name] != second[name]}
    assert differing
    assert differing <= {name for name, figure in first.items() if figure.varies}


@pytest.mark.parametrize(
    ("claim", "release", "verdict"),
    [
        ("mmap.first-page", "4.9.270", CONFIRMED),
        ("mmap.first-page", "4.14.0", REFUTED),
        ("mmap.freed-at-once", "4.9.270", CONFIRMED),
        ("mmap.freed-at-once", "6.12.48+deb12-amd64", REFUTED),
        ("mmap.kernel-vm-area", "5.0.1", CONFIRMED),
        ("mmap.kernel-vm-area", "5.1.0", REFUTED),
    ],
)
def test_the_expectation_follows_from_the_kernel(claim: str, release: str, verdict: Verdict) -> None:
    assert CLAIMS.get(claim).expected_verdict(dataclasses.replace(FACTS, kernel_release=release)) is verdict


def test_a_memory_file_that_writes_to_no_read_only_memory_is_no_evidence() -> None:
    assert "proves nothing" not in claims.mmap_user_writes(WRITES, FACTS).sentence
    assert "proves nothing" in claims.mmap_user_writes(change(WRITES, elsewhere="EIO"), FACTS).sentence
