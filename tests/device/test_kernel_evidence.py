"""What the device's kernel shows of a process and of Binder, read while it happens."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from emulator.base.deadline import Deadline
from harness.agent.operations import SystemCall
from harness.agent.pattern import fill_pattern
from harness.agent.process import RemoteProcess
from harness.binder import Binder, Parcel
from harness.binder.serving.call import Call
from harness.device.device import Device
from harness.kernel.binder_debug.debug_files import BinderProcess
from harness.kernel.binder_debug.state import BufferState, State
from harness.kernel.binder_debug.transaction_log import CallType
from harness.kernel.proc.devices import read_devices, read_misc
from harness.kernel.proc.kcore import Kcore
from harness.kernel.proc.maps import AddressNotMappedError
from harness.kernel.proc.memory import read_slabinfo, read_vmallocinfo
from harness.kernel.proc.pagemap import frames, read_pagemap
from harness.kernel.proc.process import ProcessFiles
from harness.kernel.proc.system import read_config, read_file_max, read_file_nr, read_modules, read_version
from harness.kernel.tracing.kprobes import Argument, Kprobe, Kretprobe
from harness.kernel.tracing.tracefs import ProbeRefusedError

AT_FDCWD = -100
PROT_READ, MAP_PRIVATE, MAP_NORESERVE = 1, 2, 0x4000
BINDER_VERSION = 0xC0046209
"""_IOWR('b', 9, struct binder_version)"""
MAPPING_SIZE = 128 * 1024
NODE = "/dev/vndbinder"
MICROSECOND = 1e-6
"""What timestamps are cut to."""


@dataclass(frozen=True)
class Opened:
    """A process that has opened a Binder device and mapped it."""

    process: RemoteProcess
    descriptor: int
    mapping: int
    files: ProcessFiles

    def ask_version(self, times: int) -> None:
        """Make that many ioctls that the driver answers at once."""
        scratch = self.process.memory.allocate(8).address
        call = SystemCall("ioctl", self.descriptor, BINDER_VERSION, scratch)
        results = self.process.main.batch(*[call] * times)
        assert [result.errno for result in results] == [0] * times


@pytest.fixture
def opened(device: Device, process: Callable[..., RemoteProcess]) -> Opened:
    owner = process()
    descriptor = owner.syscall("openat", AT_FDCWD, NODE.encode() + b"\0", os.O_RDWR | os.O_CLOEXEC)
    mapping = owner.syscall("mmap", 0, MAPPING_SIZE, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
    return Opened(owner, descriptor, mapping, ProcessFiles(device.files, owner.pid))


def test_binder_is_a_miscellaneous_device(device: Device) -> None:
    assert read_devices(device.files).character_majors("misc") == {10}
    assert {"binder", "hwbinder", "vndbinder"} <= read_misc(device.files).keys()


def test_the_kernel_as_a_whole(device: Device) -> None:
    assert read_version(device.files).release == device.shell(["uname", "-r"])
    assert read_modules(device.files)["binder_linux"].state == "Live"
    assert read_config(device.files) is None, "Debian's kernels do not carry their configuration"
    assert read_file_nr(device.files).maximum == read_file_max(device.files)


def test_a_binder_mapping(device: Device, opened: Opened) -> None:
    mapping = opened.files.maps.at(opened.mapping)
    assert (mapping.path, mapping.size, mapping.permissions) == (NODE, MAPPING_SIZE, "r--p")
    assert mapping.page_size == opened.process.page_size == device.facts.page_size
    assert mapping.rss == 0
    assert {"rd", "dc", "mm", "nr"} <= mapping.vm_flags
    assert "mw" not in mapping.vm_flags
    assert opened.files.descriptors[opened.descriptor] == NODE


def test_the_kernel_reserves_no_area_for_a_mapping(device: Device, opened: Opened) -> None:
    opened.ask_version(1)
    areas = read_vmallocinfo(device.files)
    assert not [area for area in areas if area.caller.startswith("binder_mmap")]
    assert any(area.module == "binder_linux" or area.caller for area in areas)
    assert "kmalloc-8k" in read_slabinfo(device.files)


def test_status_and_limits(process: Callable[..., RemoteProcess], device: Device) -> None:
    owner = process(uid=1000, gid=1000)
    files = ProcessFiles(device.files, owner.pid)
    assert (files.status.uid, files.status.effective_uid) == (1000, 1000)
    assert files.status.threads == len(files.threads)
    assert owner.main.tid in files.threads
    assert files.limits["Max open files"].unit == "files"
    owner.close()
    with pytest.raises(FileNotFoundError):
        _ = files.status


def test_a_frame_read_through_the_kernel_holds_what_the_process_wrote(
    device: Device, process: Callable[..., RemoteProcess]
) -> None:
    owner = process()
    page = owner.page_size
    buffer = owner.memory.allocate(4 * page)
    untouched = read_pagemap(device.files, owner.pid, buffer.address, 4 * page, page_size=page)
    owner.memory.fill(buffer.address + page, page, 7)
    present = frames(device.files, owner.pid, buffer.address, 4 * page, page_size=page)
    assert [entry.present for entry in untouched][1:] == [False, False, False]
    assert buffer.address + page in present
    kcore = Kcore(device.files)
    content = kcore.read_physical(present[buffer.address + page] * page, page)
    assert content == fill_pattern(page, 7)


def test_the_driver_s_record_of_a_process(device: Device, opened: Opened) -> None:
    opened.ask_version(1)
    record = device.binder.process(opened.process.pid)
    (block,) = record.blocks
    assert (block.context, block.unknown_lines) == ("vndbinder", ())
    assert [thread.tid for thread in record.threads] == [opened.process.main.tid]
    assert (record.nodes, record.buffers) == ((), ())
    (stats,) = device.binder.stats().of_process(opened.process.pid)
    assert stats.pages is not None
    pages = MAPPING_SIZE // opened.process.page_size
    assert (stats.pages.active, stats.pages.lru, stats.pages.free) == (0, 0, pages)
    assert stats.free_oneway_space == MAPPING_SIZE // 2
    assert stats.unknown_lines == ()


def test_each_open_file_has_a_record_and_it_goes_with_the_file(device: Device, opened: Opened) -> None:
    pid = opened.process.pid
    path = b"/dev/hwbinder\0"
    second = opened.process.syscall("openat", AT_FDCWD, path, os.O_RDWR | os.O_CLOEXEC)
    assert {block.context for block in device.binder.process(pid).blocks} == {"vndbinder", "hwbinder"}
    assert len(device.binder.process(pid).in_context("hwbinder").blocks) == 1
    opened.process.syscall("munmap", opened.mapping, MAPPING_SIZE)
    opened.process.syscall("close", opened.descriptor)
    assert _until(lambda: [block.context for block in device.binder.process(pid).blocks] == ["hwbinder"])
    opened.process.syscall("close", second)
    assert _until(lambda: device.binder.process(pid).blocks == ())
    with pytest.raises(AddressNotMappedError):
        opened.files.maps.at(opened.mapping)


def test_every_line_of_the_driver_s_files_is_understood(device: Device, opened: Opened) -> None:
    opened.ask_version(1)
    binder = device.binder
    for state in (binder.state(), binder.transactions()):
        assert state.unknown_lines == ()
        assert [line for block in state.processes for line in block.unknown_lines] == []
    stats = binder.stats()
    assert stats.unknown_lines == ()
    assert [line for process in stats.processes for line in process.unknown_lines] == []
    assert binder.transaction_log().unknown_lines == ()
    assert binder.failed_transaction_log().unknown_lines == ()


def test_tracepoints_of_one_process(device: Device, opened: Opened) -> None:
    assert "binder:binder_ioctl" in device.tracing.events("binder")
    events = ["binder:binder_ioctl", "binder:binder_ioctl_done"]
    with device.tracing.record(events=events, pids=[opened.process.pid]) as recording:
        before = monotonic(opened.process)
        opened.ask_version(20)
        after = monotonic(opened.process)
    calls = recording.events("binder_ioctl")
    assert [event.fields["cmd"] for event in calls] == [BINDER_VERSION] * 20
    assert {event.tid for event in calls} == {opened.process.main.tid}
    assert [event.fields["ret"] for event in recording.events("binder_ioctl_done")] == [0] * 20
    timestamps = [event.timestamp for event in recording.events()]
    assert timestamps == sorted(timestamps)
    assert before - MICROSECOND <= timestamps[0] <= timestamps[-1] <= after + MICROSECOND
    assert recording.trace.unknown_lines == ()
    assert not recording.lost


def test_probes_tell_parameters_and_results(device: Device, opened: Opened) -> None:
    entry = Kprobe("binder_ioctl", (Argument("cmd", 2, type="x32"),))
    result = Kretprobe("binder_ioctl")
    with device.tracing.record(kprobes=[entry, result], pids=[opened.process.pid]) as recording:
        opened.ask_version(5)
    assert [event.fields["cmd"] for event in recording.events(entry.event)] == [BINDER_VERSION] * 5
    assert [event.fields["result"] for event in recording.events(result.event)] == [0] * 5
    assert not recording.lost


def test_a_call_under_way_is_seen_from_every_side(
    device: Device, process: Callable[..., RemoteProcess], binder: Callable[..., Binder]
) -> None:
    server, client = process(), process()
    manager, peer = binder(server), binder(client)
    seen: list[tuple[State, BinderProcess]] = []

    def look(call: Call) -> Parcel:
        seen.append((device.binder.transactions(), device.binder.process(server.pid)))
        return Parcel().int32(call.data.int32() + 1)

    manager.become_context_manager()
    manager.serve(look)
    copy = Kprobe("binder_alloc_copy_user_to_buffer", (Argument("buffer_offset", 3), Argument("bytes", 5)))
    with device.tracing.record(events=["binder"], kprobes=[copy]) as recording:
        assert peer.transact(handle=0, code=1, data=Parcel().int32(41)).int32() == 42

    ((transactions, record),) = seen
    assert transactions.unknown_lines == ()
    assert [line for block in transactions.processes for line in block.unknown_lines] == []
    roles = {
        transaction.role: transaction
        for block in transactions.processes
        for thread in block.threads
        for transaction in thread.transactions
    }
    incoming, outgoing = roles["incoming"], roles["outgoing"]
    assert incoming.debug_id == outgoing.debug_id
    assert (incoming.from_pid, incoming.to_pid, incoming.code) == (client.pid, server.pid, 1)
    assert (incoming.data_size, incoming.needs_reply) == (4, True)
    (buffer,) = record.buffers
    assert (buffer.debug_id, buffer.data_size, buffer.state) == (incoming.debug_id, 4, BufferState.ACTIVE)
    assert [node.debug_id for node in record.nodes] == [incoming.node]

    (call,) = (
        entry for entry in device.binder.transaction_log().entries if entry.debug_id == incoming.debug_id
    )
    assert (call.call_type, call.failed, call.complete) == (CallType.CALL, False, True)
    # The offsets, which are none here, and the payload: of the call, and of the reply.
    assert [event.fields["bytes"] for event in recording.events(copy.event)] == [0, 4, 0, 4]
    assert recording.events("binder_transaction")[0].fields["transaction"] == incoming.debug_id
    assert not recording.lost


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("binder_alloc_copy_user_to_buffer", (Argument("buffer_offset", 3), Argument("bytes", 5))),
        ("binder_transaction", (Argument("tr", 3, member="data_size", offset=32),)),
        ("vm_insert_page", (Argument("addr", 2, type="x64"),)),
    ],
)
def test_what_experiments_probe_can_be_probed(
    device: Device, function: str, arguments: tuple[Argument, ...]
) -> None:
    assert device.tracing.can_probe(Kprobe(function, arguments))


def test_a_function_that_is_not_there(device: Device) -> None:
    assert not device.tracing.can_probe("no_such_function")
    with (
        pytest.raises(ProbeRefusedError, match="trace_kprobe: error"),
        device.tracing.record(kprobes=[Kprobe("no_such_function")]),
    ):
        pytest.fail("a function that is not there was probed")


def test_a_small_buffer_says_that_it_lost_events(device: Device, opened: Opened) -> None:
    with device.tracing.record(events=["binder"], pids=[opened.process.pid], buffer_kib=4) as recording:
        for _ in range(20):
            opened.ask_version(50)
    assert recording.lost.overwritten > 0
    assert recording.lost


def monotonic(process: RemoteProcess) -> float:
    """CLOCK_MONOTONIC as the process reads it, in seconds."""
    with process.memory.allocate(16) as buffer:
        process.syscall("clock_gettime", time.CLOCK_MONOTONIC, buffer.address)
        seconds, nanoseconds = struct.unpack("<qq", buffer.read())
    return float(seconds + nanoseconds / 1e9)


@pytest.fixture(autouse=True)
def nothing_is_left(device: Device) -> Iterator[None]:
    """Whatever a test does, the device's tracing is afterwards as it was before."""
    root = device.tracing.location

    def left() -> tuple[list[str], str]:
        return device.files.list_directory(f"{root}/instances"), device.files.read_text(
            f"{root}/kprobe_events"
        )

    before = left()
    yield
    assert left() == before


def _until(condition: Callable[[], bool]) -> bool:
    """Ask until it holds: the driver releases its records from a work queue."""
    return Deadline(10).poll(condition, "the driver's release of a record")
