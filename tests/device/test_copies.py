"""That the instruments see copies where there are some, and none where there is none."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest

from harness.agent.operations import Digest, Fill, SystemCall
from harness.device.device import Device, DeviceProcess
from harness.experiments.copies.channels import Pipe, PosixQueue, SystemVQueue
from harness.experiments.copies.copies import measure_other_copies
from harness.experiments.copies.copy_functions import COPY_FUNCTIONS, PIPE_IN, PIPE_OUT, count_copies, marked
from harness.experiments.copies.kernel_address import KernelAddresses
from harness.experiments.copies.transfers import watch_transfers
from harness.experiments.copies.watchpoints import Watchpoints, kernel_watchpoints_count, watchpoints_count

StartProcess = Callable[[], DeviceProcess]
SIZE = 4_000
IPC_ENTRIES = "/proc/sysvipc/msg"


class GiftingPipe(Pipe):
    """A pipe that is given the sender's pages themselves, vmsplice(2)."""

    name = "pipe, by vmsplice"

    def send(self, size: int) -> SystemCall:
        vector = self.source + self.capacity
        self.sender.memory.write(vector, struct.pack("<QQ", self.source, size))
        return SystemCall("vmsplice", self._writing, vector, 1, 0)


class RepeatingPipe(Pipe):
    """A pipe into which the same bytes are written twice by one system call."""

    name = "pipe, twice"

    def send(self, size: int) -> SystemCall:
        vectors = self.source + self.capacity
        self.sender.memory.write(vectors, struct.pack("<QQ", self.source, size) * 2)
        return SystemCall("writev", self._writing, vectors, 2)


def test_watchpoints_count_each_access_of_the_kernel_and_no_other(process: StartProcess) -> None:
    watched, other = process(), process()
    assert watchpoints_count(watched)
    with watched.memory.allocate(watched.page_size) as buffer:
        tell_time = SystemCall("clock_gettime", time.CLOCK_REALTIME, buffer.address)
        addresses = (buffer.address, buffer.address + 16)
        with Watchpoints(watched, watched.main, addresses) as watchpoints:
            watched.main.batch(tell_time, Fill(buffer.address, 64, 1), Digest(buffer.address, 64), tell_time)
            watched.start_thread().batch(tell_time)
            other.main.batch(tell_time)
            assert watchpoints.counts() == (2, 0)
        with Watchpoints(watched, watched.main, ()) as none:
            assert none.counts() == ()


def test_a_machine_has_only_so_many_watchpoints(process: StartProcess) -> None:
    watched = process()
    with watched.memory.allocate(watched.page_size) as buffer:
        addresses = [buffer.address + 8 * index for index in range(64)]
        before = watched.procfs.descriptors
        with pytest.raises(OSError, match="perf_event_open"):
            Watchpoints(watched, watched.main, addresses)
        assert watched.procfs.descriptors == before
    assert watchpoints_count(watched)


@pytest.mark.requires("pagemap", "kcore")
def test_a_byte_has_an_address_of_the_kernel_s(device: Device, process: StartProcess) -> None:
    owner = process()
    addresses = KernelAddresses(device)
    with owner.memory.allocate(owner.page_size) as buffer:
        assert addresses.of(owner, buffer.address) is None
        buffer.fill(1)
        address = addresses.of(owner, buffer.address)
        assert address is not None
        assert kernel_watchpoints_count(owner, buffer, address)
        assert not kernel_watchpoints_count(owner, buffer, address + 8)


@pytest.mark.requires("kprobes")
def test_fewer_copies_and_more_are_told_from_one(device: Device, process: StartProcess) -> None:
    sender, receiver = process(), process()
    channels = Pipe(sender, receiver), GiftingPipe(sender, receiver), RepeatingPipe(sender, receiver)
    usual, gift, twice = watch_transfers(device, sender, receiver, [(channel, SIZE) for channel in channels])
    assert usual.touched is not None
    assert gift.touched is not None
    assert twice.touched is not None
    assert (usual.touched.source, usual.per_byte) == ((1, 1, 1), (1, 1))
    assert (gift.touched.source, gift.per_byte) == ((0, 0, 0), (0, 1))
    assert (twice.touched.source, twice.per_byte) == ((2, 2, 2), (2, 1))
    # What is not copied on sending is what the sender makes of it meanwhile.
    assert (usual.at_receiver_once_received, gift.at_receiver_once_received) == (True, False)


@pytest.mark.requires("kprobes")
def test_only_what_a_process_does_between_its_marks_is_counted(device: Device, process: StartProcess) -> None:
    counted, other = process(), process()
    pipe = Pipe(counted, other)
    with count_copies(device, counted, functions=(PIPE_IN, PIPE_OUT)) as counts:
        marked(counted.main)
        counted.main.batch(pipe.send(10))
        marked(counted.main, pipe.send(20), pipe.send(30))
        marked(other.main, pipe.receive(60))
        with pytest.raises(OSError, match="EFAULT"):
            marked(counted.main, SystemCall("write", 2, 0, 5))
        counted.main.batch(SystemCall("getppid"))
    assert counts is not None
    assert not counts.sees(*COPY_FUNCTIONS)
    assert [copied.moved for copied in counts.of(counted.main)] == [0, 50, 0]
    assert counts.of(other.main) == []


def test_queues_leave_nothing_behind(device: Device, process: StartProcess) -> None:
    before = device.files.read_text(IPC_ENTRIES)
    sender, receiver = process(), process()
    queue = SystemVQueue(sender, receiver)
    assert device.files.read_text(IPC_ENTRIES) != before
    queue.close()
    assert device.files.read_text(IPC_ENTRIES) == before
    PosixQueue(sender, receiver)
    PosixQueue(sender, receiver)  # whose name would be taken


def test_a_channel_that_cannot_be_opened_is_named(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoPipe(Pipe):
        name = "no pipe"

        def __init__(self, sender: DeviceProcess, receiver: DeviceProcess) -> None:
            super().__init__(sender, receiver)
            sender.syscall("close", 9999)

    monkeypatch.setattr("harness.experiments.copies.copies.OTHER_CHANNELS", (NoPipe, Pipe))
    measured = measure_other_copies(device, sizes=(64,))
    assert [transfer.channel for transfer in measured.transfers] == ["pipe"]
    assert "EBADF" in measured.missing["no pipe"]
