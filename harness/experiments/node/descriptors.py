"""The descriptors by which processes hold binder devices open, and what happens when there are no more."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import TimeLimitError
from harness.agent.operations import SystemCall
from harness.agent.syscalls import AT_FDCWD
from harness.binder import Parcel, TransactionFailedError, open_pair
from harness.binder.driver.open_file import OPEN_FLAGS
from harness.device.facts import Facts
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import attempt, outcome
from harness.experiments.instruments.node_files import any_node, free_node, opened
from harness.kernel.proc.system import FILE_MAX_PATH, read_file_max

if TYPE_CHECKING:
    from harness.binder.serving.call import Call
    from harness.device.device import Device, DeviceProcess

OPEN_FILES = "Max open files"
LOWERED_LIMIT = 32
NO_REPLY = "no reply"
UNPRIVILEGED_USER = 2000
"""Android's `shell`; any but root would do."""
_LIMIT = struct.Struct("<QQ")
"""struct rlimit64: soft and hard."""
_UNLIMITED = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class DescriptorLinks:
    """Which of a process's descriptors lead to a binder device, by its links in /proc/PID/fd."""

    path: str
    target: str
    """What the path leads to: another one where it is a link, as with binderfs."""
    descriptor: int
    """What open returned."""
    before: tuple[int, ...]
    """Before the device was opened."""
    while_open: tuple[int, ...]
    after: tuple[int, ...]
    """After it was closed."""


@measurement("descriptor-links", "Which links /proc/PID/fd has to a binder device that a process opens.")
def measure_descriptor_links(device: Device) -> DescriptorLinks:
    """Open a device and close it, and read the process's links at each step."""
    path = any_node(device.facts)
    target = _target(device, path)
    with device.process() as process:

        def leading_there() -> tuple[int, ...]:
            links = process.procfs.descriptors
            return tuple(descriptor for descriptor, leads_to in links.items() if leads_to == target)

        before = leading_there()
        with opened(process, path) as node:
            while_open = leading_there()
        return DescriptorLinks(path, target, node.descriptor, before, while_open, leading_there())


@dataclass(frozen=True, slots=True)
class DescriptorLimit:
    """What came of opening a binder device again and again: names of errnos, or `success`."""

    limit: int
    """Descriptors the process was allowed to have, as /proc/PID/limits shows it."""
    open_before: int
    """How many it had."""
    opened: int
    """How often it could open the device."""
    refusal: str
    """Of the next time."""
    after_closing_one: str
    """Of one more time, after it had closed one."""
    file_max: int | None
    """How many files the whole system may have open; None where that is shown to root alone."""
    system_refusal: str | None
    """Of another user's opening the device while that was lowered to none; None where it was not lowered,
    which is on a device of somebody else's, and wherever Android's framework runs."""


def measure_descriptor_limit(device: Device) -> DescriptorLimit:
    """Open a device until that is refused, close one, open it once more."""
    path = any_node(device.facts)
    with device.process() as process:
        _limit(process, LOWERED_LIMIT)
        before = len(process.procfs.descriptors)
        with process.memory.allocate(process.page_size) as name:
            one_more = SystemCall("openat", AT_FDCWD, name.address, OPEN_FLAGS, 0)
            name.write(0, os.fsencode(path))
            *granted, refused = process.main.batch(*[one_more] * (LOWERED_LIMIT + 1))
            process.syscall("close", granted[-1].checked().value)
            (again,) = process.main.batch(one_more)
        limit = process.procfs.limits[OPEN_FILES].soft
    assert limit is not None
    return DescriptorLimit(
        limit=limit,
        open_before=before,
        opened=len(granted),
        refusal=outcome(refused),
        after_closing_one=outcome(again),
        file_max=_file_max(device),
        system_refusal=_system_refusal(device, path)
        if may_starve(device.facts, disposable=device.controller.disposable)
        else None,
    )


def _file_max(device: Device) -> int | None:
    try:
        return read_file_max(device.files)
    except PermissionError:
        return None


def may_starve(facts: Facts, *, disposable: bool) -> bool:
    """Whether the whole system may be left without open files for a moment.

    Every process that opens one then fails: a system_server dies of that, and Android starts again.
    """
    return disposable and facts.root and facts.android_release is None


@dataclass(frozen=True, slots=True)
class ArrivingDescriptor:
    """What became of a descriptor that was sent to a process whose table was full, and then had room for one.

    Each is what the caller got, such as BR_FAILED_REPLY, or `no reply` within 10 s, or else where the new
    descriptor leads to.
    """

    sent: str
    """Where the descriptor that was sent leads to."""
    full_callee: str
    """Of a call that carried it to a process with a full table."""
    full_callee_was_called: bool
    """Whether the callee got that call nevertheless."""
    callee_with_room: str
    """Of the same call after the callee had closed one descriptor."""
    full_caller: str
    """Of a call whose reply carried it to a caller with a full table."""
    caller_with_room: str


def measure_arriving_descriptor(device: Device) -> ArrivingDescriptor:
    """Send a descriptor with a call and with a reply; the receiver's table is full, then it closes one."""
    arrived: list[str] = []

    def receive(call: Call) -> Parcel | None:
        if call.data.remaining:
            arrived.append(pair.server_process.procfs.descriptors[call.data.file_descriptor()])
            return None
        return Parcel().file_descriptor(of_server)

    def call_with(data: Parcel) -> str:
        try:
            reply = pair.client.transact(0, 1, data)
        except TransactionFailedError as error:
            return error.command.name
        except TimeLimitError:
            return NO_REPLY
        if reply.remaining:
            return pair.client_process.procfs.descriptors[reply.file_descriptor()]
        return arrived[-1]

    with open_pair(device, free_node(device.facts), receive) as pair:
        of_client, of_server = (
            process.syscall("memfd_create", b"travelling", 0)
            for process in (pair.client_process, pair.server_process)
        )
        sent = pair.client_process.procfs.descriptors[of_client]
        with _full_table(pair.server_process) as fillers:
            full_callee, called = call_with(Parcel().file_descriptor(of_client)), bool(arrived)
            pair.server_process.syscall("close", fillers.pop())
            callee_with_room = call_with(Parcel().file_descriptor(of_client))
        with _full_table(pair.client_process) as fillers:
            full_caller = call_with(Parcel())
            pair.client_process.syscall("close", fillers.pop())
            caller_with_room = call_with(Parcel())
    return ArrivingDescriptor(sent, full_callee, called, callee_with_room, full_caller, caller_with_room)


@dataclass(frozen=True, slots=True)
class DescriptorExhaustion:
    """What becomes of opening, and of descriptors that arrive, where no descriptor is left."""

    opening: DescriptorLimit
    arriving: ArrivingDescriptor | None
    """None where no binder node is free, so that nothing can be sent."""


@measurement("descriptor-limit", "What a process can open, send and receive that has no descriptors left.")
def measure_descriptor_exhaustion(device: Device) -> DescriptorExhaustion:
    """Both measurements, the second where the device has a free node."""
    arriving = measure_arriving_descriptor(device) if device.facts.free_binder_device else None
    return DescriptorExhaustion(measure_descriptor_limit(device), arriving)


def _target(device: Device, path: str) -> str:
    try:
        return device.files.read_link(path)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return path  # no link


def _limit(process: DeviceProcess, descriptors: int) -> None:
    """Lower the process's own limit; what it has open stays open."""
    hard = process.procfs.limits[OPEN_FILES].hard
    limit = _LIMIT.pack(descriptors, _UNLIMITED if hard is None else hard)
    process.syscall("prlimit64", 0, resource.RLIMIT_NOFILE, limit, 0)


@contextlib.contextmanager
def _full_table(process: DeviceProcess) -> Iterator[list[int]]:
    """Give a process all the descriptors it may have; at the end those that were not taken out are closed."""
    _limit(process, LOWERED_LIMIT)
    results = process.main.batch(*[SystemCall("dup", process.syscall("epoll_create1", 0))] * LOWERED_LIMIT)
    fillers = [result.value for result in results if not result.errno]
    try:
        yield fillers
    finally:
        process.main.batch(*(SystemCall("close", descriptor) for descriptor in fillers))


def _system_refusal(device: Device, path: str) -> str:
    """Open the device as a user whom the system's limit concerns, while that is zero."""
    with device.process(uid=UNPRIVILEGED_USER) as process:
        allowed = read_file_max(device.files)
        device.files.write_text(FILE_MAX_PATH, "0")
        try:
            return attempt(lambda: process.syscall("openat", AT_FDCWD, os.fsencode(path), OPEN_FLAGS, 0))
        finally:
            device.files.write_text(FILE_MAX_PATH, str(allowed))
