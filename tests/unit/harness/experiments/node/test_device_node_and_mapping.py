"""Verdicts over made-up measurements: what a kernel would show on which a statement is true, or is false."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.device.device import Device
from harness.device.facts import FacilityMissingError
from harness.experiments.core.claim import CLAIMS, Experiment, Finding, Verdict
from harness.experiments.mapping import claims as mapping
from harness.experiments.mapping import memory_claims as mapping_memory
from harness.experiments.mapping.file_backing import FileActivity, FileBacking
from harness.experiments.mapping.frames import SameFrames, SeenPayload, SharedFrames
from harness.experiments.mapping.kernel_memory import DriverMemory, KernelArea
from harness.experiments.mapping.mapping_owner import ForkedMapping, InheritedFile, SecondMapping
from harness.experiments.mapping.mapping_size import MappingCap, OneWayShare
from harness.experiments.mapping.pages import Arrival, FreedBuffer, FreshMapping, GrowingMapping, PageCounts
from harness.experiments.mapping.write_protection import UserWrites, WritableMapping
from harness.experiments.node import claims as device_node
from harness.experiments.node.descriptors import ArrivingDescriptor, DescriptorLimit, DescriptorLinks
from harness.experiments.node.device_nodes import (
    Ashmem,
    DeviceNode,
    NodeNumbers,
    OfferedOperations,
    Operations,
)
from harness.experiments.node.process_records import ProcessRecord, RecordsByFile
from harness.kernel.proc.frame_flags import Frame, FrameFlag
from harness.kernel.proc.memory import VmallocArea
from tests.support.fake_device import FACTS

PAGE = FACTS.page_size
MIB = 1 << 20
CONFIRMED, REFUTED = Verdict.CONFIRMED, Verdict.REFUTED
FLAGS = ("dc", "me", "mm", "mr", "nr", "rd", "sd")
DRIVER_S_OWN = Frame(5, FrameFlag.MMAP, 1)
OF_A_FILE = Frame(6, FrameFlag.MMAP | FrameFlag.UPTODATE | FrameFlag.LRU, 3)
OF_KMALLOC = Frame(7, FrameFlag.SLAB | FrameFlag.MMAP, 1)


def counts(present: int) -> PageCounts:
    return PageCounts(present, present, None)


def seen(sent: bytes, by_kernel: bytes) -> SeenPayload:
    return SeenPayload(sent, sent, by_kernel, (1, 2))


def area(size: int, caller: str) -> VmallocArea:
    return VmallocArea(0, size, size, caller, "", ())


NODES = NodeNumbers((DeviceNode("/dev/binder", True, 10, 61),), (10,), (), {"binder": 61})
OFFERED = Operations("EINVAL", "EINVAL", "success", "success", "success")
ZERO = Operations("success", "success", "ENOTTY", "success", "EPERM")
LIMIT = DescriptorLimit(32, 3, 29, "EMFILE", "success", 9999, "ENFILE")
ARRIVING = ArrivingDescriptor("memfd", "BR_FAILED_REPLY", False, "memfd", "BR_FAILED_REPLY", "memfd")
LINKS = DescriptorLinks("/dev/binder", "/dev/binder", 3, (), (3,), ())
RECORD = ProcessRecord(before=0, opened=1, others=1, closed=0, others_after=1)
CAP = MappingCap(8 * MIB, 8 * MIB, 4 * MIB, 28, 4 * MIB)
WRITABLE = WritableMapping("EPERM", "success", "EACCES", FLAGS)
FORKED = ForkedMapping(FLAGS, "success", "EFAULT", "success", None, "/dev/binder")
SECOND = SecondMapping("success", "EBUSY", "EBUSY", "success")
SHARE = OneWayShare(MIB, MIB // 2, MIB // 2, MIB // 2, 28, False)
BACKING = FileBacking("/dev/binder", (DRIVER_S_OWN,), (OF_A_FILE,), FileActivity(0, 0, 0))
WRITES = UserWrites("EFAULT", "EFAULT", "EIO", "success", True)
GROWING = GrowingMapping(PAGE, (Arrival(1, 1, 1, True), Arrival(PAGE, 1, 1, True)), counts(2))
FREED = FreedBuffer(10 * PAGE, PAGE, counts(10), counts(10), counts(0))
MEMORY = DriverMemory(None, True, True, "SLUB", 64, {"kmalloc-8k": 64}, (DRIVER_S_OWN,))
SLOB = dataclasses.replace(MEMORY, slub_caches=False, statistics=False, allocator="SLOB")
SMALLEST_SLUB = dataclasses.replace(SLOB, allocator="SLUB", payload=(OF_KMALLOC,))
AREA = KernelArea(MIB, PAGE, (area(5 * PAGE, "copy_process+0x1/0x2"),))
SAME = SameFrames(100, seen(b"1", b"1"), seen(b"2", b"2"))
SHARED = SharedFrames(100, (1, 2), (1, 1), 30, 1, 1, ())

change: Callable[..., Any] = dataclasses.replace

CASES: list[tuple[Experiment, str, object, Verdict]] = [
    (device_node.node_misc, "node_numbers", NODES, CONFIRMED),
    (device_node.node_misc, "node_numbers", change(NODES, misc_minors={}), REFUTED),
    (device_node.node_misc, "node_numbers", change(NODES, misc_minors={"binder": 60}), REFUTED),
    (device_node.node_misc, "node_numbers", change(NODES, misc_majors=(11,)), REFUTED),
    (device_node.node_ashmem, "ashmem", Ashmem(None, (), "success"), REFUTED),
    (device_node.node_ashmem, "ashmem", Ashmem(58, ("/dev/ashmem",), "success"), CONFIRMED),
    (device_node.node_fd_link, "descriptor_links", LINKS, CONFIRMED),
    (device_node.node_fd_link, "descriptor_links", change(LINKS, while_open=()), REFUTED),
    (device_node.node_fd_link, "descriptor_links", change(LINKS, after=(3,)), REFUTED),
    (device_node.node_fd_limit, "descriptor_limit", LIMIT, CONFIRMED),
    (device_node.node_fd_limit, "descriptor_limit", change(LIMIT, system_refusal=None), CONFIRMED),
    (device_node.node_fd_limit, "descriptor_limit", change(LIMIT, refusal="success", opened=33), REFUTED),
    (device_node.node_fd_limit, "descriptor_limit", change(LIMIT, opened=12), REFUTED),
    (device_node.node_fd_limit, "descriptor_limit", change(LIMIT, system_refusal="success"), REFUTED),
    (device_node.node_fd_limit, "arriving_descriptor", change(ARRIVING, full_callee="memfd"), REFUTED),
    (device_node.node_fd_limit, "arriving_descriptor", change(ARRIVING, full_caller="memfd"), REFUTED),
    (
        device_node.node_fd_limit,
        "arriving_descriptor",
        change(ARRIVING, callee_with_room="BR_FAILED_REPLY"),
        REFUTED,
    ),
    (device_node.node_ioctl_only, "operations", OfferedOperations(OFFERED, ZERO), CONFIRMED),
    (device_node.node_ioctl_only, "operations", OfferedOperations(ZERO, ZERO), REFUTED),
    (
        device_node.node_ioctl_only,
        "operations",
        OfferedOperations(change(OFFERED, read="success"), ZERO),
        REFUTED,
    ),
    (device_node.node_proc_record, "process_record", RECORD, CONFIRMED),
    (device_node.node_proc_record, "process_record", change(RECORD, closed=1), REFUTED),
    (device_node.node_proc_record, "process_record", change(RECORD, others_after=0), REFUTED),
    (
        device_node.node_one_per_process,
        "records_by_file",
        RecordsByFile(("a", "a"), (1, 1), ("a",)),
        CONFIRMED,
    ),
    (
        device_node.node_one_per_process,
        "records_by_file",
        RecordsByFile(("a", "a"), (1, 2), ("a", "a")),
        REFUTED,
    ),
    (mapping.mmap_cap_4m, "mapping_cap", CAP, CONFIRMED),
    (mapping.mmap_cap_4m, "mapping_cap", change(CAP, largest_payload=4 * MIB + 8), REFUTED),
    (mapping.mmap_read_only, "writable_mapping", WRITABLE, CONFIRMED),
    (mapping.mmap_read_only, "writable_mapping", change(WRITABLE, mapped_writable="success"), REFUTED),
    (mapping.mmap_read_only, "writable_mapping", change(WRITABLE, made_writable="success"), REFUTED),
    (mapping.mmap_read_only, "writable_mapping", change(WRITABLE, vm_flags=(*FLAGS, "mw")), REFUTED),
    (mapping.mmap_not_forked, "forked_mapping", FORKED, CONFIRMED),
    (mapping.mmap_not_forked, "forked_mapping", change(FORKED, child_reads="success"), REFUTED),
    (mapping.mmap_not_forked, "forked_mapping", change(FORKED, child_mapping="/dev/binder"), REFUTED),
    (mapping.mmap_not_forked, "forked_mapping", change(FORKED, parent_reads="EFAULT"), REFUTED),
    (mapping.mmap_not_forked, "forked_mapping", change(FORKED, vm_flags=("dc", "rd")), REFUTED),
    (mapping.mmap_once, "second_mapping", SECOND, CONFIRMED),
    (mapping.mmap_once, "second_mapping", change(SECOND, second="success"), REFUTED),
    (mapping.mmap_opener_only, "inherited_file", InheritedFile("EINVAL", "success"), CONFIRMED),
    (mapping.mmap_opener_only, "inherited_file", InheritedFile("success", "EBUSY"), REFUTED),
    (mapping.mmap_async_half, "oneway_share", SHARE, CONFIRMED),
    (mapping.mmap_async_half, "oneway_share", change(SHARE, largest=MIB // 2 - 104), CONFIRMED),
    (mapping.mmap_async_half, "oneway_share", change(SHARE, largest=MIB, room_beside=0), REFUTED),
    (mapping.mmap_async_half, "oneway_share", change(SHARE, taken_beyond=True), REFUTED),
    (mapping.mmap_async_half, "oneway_share", change(SHARE, room_beside=MIB // 4), REFUTED),
    (mapping.mmap_no_file_io, "file_backing", BACKING, CONFIRMED),
    (mapping.mmap_no_file_io, "file_backing", change(BACKING, payload=(OF_A_FILE,)), REFUTED),
    (mapping.mmap_no_file_io, "file_backing", change(BACKING, cost=FileActivity(1, 0, 0)), REFUTED),
    (mapping.mmap_no_file_io, "file_backing", change(BACKING, cost=FileActivity(0, 8, 0)), REFUTED),
    (mapping.mmap_user_writes, "user_writes", WRITES, REFUTED),
    (
        mapping.mmap_user_writes,
        "user_writes",
        change(WRITES, by_store="success", unchanged=False),
        CONFIRMED,
    ),
    (mapping_memory.mmap_first_page, "fresh_mapping", FreshMapping(MIB, PAGE, counts(0)), REFUTED),
    (mapping_memory.mmap_first_page, "fresh_mapping", FreshMapping(MIB, PAGE, counts(1)), CONFIRMED),
    (mapping_memory.mmap_first_page, "fresh_mapping", FreshMapping(MIB, PAGE, counts(256)), REFUTED),
    (mapping_memory.mmap_lazy_pages, "growing_mapping", GROWING, CONFIRMED),
    (
        mapping_memory.mmap_lazy_pages,
        "growing_mapping",
        change(GROWING, arrivals=(Arrival(1, 1, 256, False),)),
        REFUTED,
    ),
    (mapping_memory.mmap_freed_at_once, "freed_buffer", FREED, REFUTED),
    (mapping_memory.mmap_freed_at_once, "freed_buffer", change(FREED, shrunk=None), REFUTED),
    (mapping_memory.mmap_freed_at_once, "freed_buffer", change(FREED, freed=counts(0)), CONFIRMED),
    (mapping_memory.mmap_slob, "driver_memory", MEMORY, REFUTED),
    (mapping_memory.mmap_slob, "driver_memory", change(MEMORY, payload=(OF_KMALLOC,)), REFUTED),
    (mapping_memory.mmap_slob, "driver_memory", SLOB, REFUTED),
    (mapping_memory.mmap_slob, "driver_memory", change(SLOB, payload=(OF_KMALLOC,)), CONFIRMED),
    (mapping_memory.mmap_slob, "driver_memory", SMALLEST_SLUB, REFUTED),
    (mapping_memory.mmap_kernel_vm_area, "kernel_area", AREA, REFUTED),
    (
        mapping_memory.mmap_kernel_vm_area,
        "kernel_area",
        change(AREA, appeared=(area(MIB + PAGE, "binder_alloc_mmap_handler+0x1/0x2"),)),
        CONFIRMED,
    ),
    (mapping_memory.mmap_same_frame, "same_frames", SAME, CONFIRMED),
    (mapping_memory.mmap_same_frame, "same_frames", change(SAME, second=seen(b"2", b"1")), REFUTED),
    (mapping_memory.mmap_same_frame, "same_frames", change(SAME, first=seen(b"1", b"")), REFUTED),
    (mapping_memory.mmap_sender_shares, "shared_frames", SHARED, REFUTED),
    (mapping_memory.mmap_sender_shares, "shared_frames", change(SHARED, common=(2,)), CONFIRMED),
]


def judged(monkeypatch: pytest.MonkeyPatch, run: Experiment, measure: str, measured: object) -> Finding:
    module = sys.modules[run.__module__]
    results = {"descriptor_limit": LIMIT, "arriving_descriptor": ARRIVING, measure: measured}
    for name, result in results.items():
        monkeypatch.setattr(
            module, f"measure_{name}", lambda _, result=result: result, raising=name == measure
        )
    return run(cast(Device, SimpleNamespace(facts=FACTS)))


@pytest.mark.parametrize(
    ("run", "measure", "measured", "verdict"),
    CASES,
    ids=[f"{run.__name__}-{index}" for index, (run, *_) in enumerate(CASES)],
)
def test_the_verdict_follows_from_the_measurement(
    monkeypatch: pytest.MonkeyPatch, run: Experiment, measure: str, measured: object, verdict: Verdict
) -> None:
    finding = judged(monkeypatch, run, measure, measured)
    assert finding.verdict is verdict
    assert finding.measured
    assert finding.evidence


def test_every_claim_of_these_tables_can_come_out_either_way() -> None:
    verdicts: dict[Experiment, set[Verdict]] = {}
    for run, _, _, verdict in CASES:
        verdicts.setdefault(run, set()).add(verdict)
    modules = (device_node.__name__, mapping.__name__, mapping_memory.__name__)
    claims = [claim.run for claim in CLAIMS.all().values() if claim.run.__module__ in modules]
    assert verdicts.keys() == set(claims)
    assert all(came_out == {CONFIRMED, REFUTED} for came_out in verdicts.values())


def test_a_kernel_that_does_not_mark_what_is_of_files_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    unmarked = change(BACKING, program=(DRIVER_S_OWN,))
    with pytest.raises(FacilityMissingError, match="kpageflags"):
        judged(monkeypatch, mapping.mmap_no_file_io, "file_backing", unmarked)


def test_figures_other_than_known_are_deviations(monkeypatch: pytest.MonkeyPatch) -> None:
    smaller = change(CAP, largest_payload=MIB)
    (deviation,) = judged(monkeypatch, mapping.mmap_cap_4m, "mapping_cap", smaller).deviations
    assert "1,048,576" in deviation
    assert "4,194,304" in deviation


@pytest.mark.parametrize(
    ("claim", "facts", "verdict"),
    [
        ("node.misc", {"binder_devices": ("/dev/binder", "/dev/vndbinder")}, CONFIRMED),
        ("node.misc", {"binder_devices": ("/dev/binder", "/dev/binderfs/binder")}, REFUTED),
        ("node.ashmem", {"kernel_release": "6.12.48+deb12-amd64"}, REFUTED),
        ("node.ashmem", {"kernel_release": "5.17.11"}, None),
        ("node.ashmem", {"kernel_release": "4.9.270", "api_level": 28}, CONFIRMED),
        ("node.ashmem", {"kernel_release": "6.1.75-android14-11", "api_level": 34}, None),
    ],
)
def test_what_is_known_depends_on_the_device(
    claim: str, facts: dict[str, Any], verdict: Verdict | None
) -> None:
    assert CLAIMS.get(claim).known_verdict(change(FACTS, **facts)) is verdict
