"""Processes on a device that take a program's steps, each in one round trip with the driver's state."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from dataclasses import replace

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.operations import Earlier, Operation, OperationResult, Read, Stored, SystemCall, Write
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.agent.thread import RemoteThread
from harness.binder.abi import returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import (
    BinderTransactionData,
    BinderWriteRead,
)
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.open_file import MAP_NORESERVE, OPEN_FLAGS
from harness.device.device import Device
from harness.device.facts import Need
from harness.explore.control_arguments import answer_in, argument_of
from harness.explore.features import find_features
from harness.explore.observed import Numbers, observed_view
from harness.explore.packing import PAYLOAD_SIZE, packed, parsed_objects
from harness.kernel.binder_debug.state_parser import parse_state
from harness.model.records import LINUX_6_12
from harness.model.steps import (
    Close,
    Control,
    Exchange,
    Open,
    Outcome,
    Step,
    object_size,
)
from harness.model.views import View

STATE_SIZE = 256 * 1024
"""Bytes of the driver's state that are read at most."""
WRITE_SIZE = 2048
"""Bytes for the commands of one exchange."""
MOST_PAYLOADS = 4
"""Transactions and replies in one exchange."""
SETTLE_SECONDS = 5.0
"""How long the driver may take to release a closed file: it does so from a work queue (binder_defer_work)."""
_READ_ROOM = 4096
_ARGUMENT_SIZE = 64
_STATE = "state"


def free_node(device: Device) -> str:
    """The binder device that a program may use; FacilityMissingError, with the reason, where none is free."""
    Need.BINDER_DEBUG.require(device.facts)
    Need.FREE_BINDER.require(device.facts)
    path = device.facts.free_binder_device
    assert path is not None
    return path


class Actor:
    """One process of a program: an agent, its threads, and the file that it has open now."""

    def __init__(self, process: RemoteProcess, path: str) -> None:
        self.process = process
        self.path = path
        self.threads: dict[int, tuple[RemoteThread, int]] = {}
        """By number: the thread, and the address of its memory."""
        self.descriptor = -1
        self.spare_descriptor = process.syscall("openat", AT_FDCWD, b"/", os.O_RDONLY | os.O_CLOEXEC, 0)
        """What it sends."""
        self.mapping = self.mapped = 0
        self.state_memory = process.memory.allocate(STATE_SIZE).address
        self.path_memory = process.memory.allocate(mmap.PAGESIZE).address

    def thread(self, number: int) -> tuple[RemoteThread, int]:
        """A thread and its memory, started at its first use."""
        while number not in self.threads:
            remote = self.process.main if not self.threads else self.process.start_thread()
            size = BinderWriteRead.sizeof() + WRITE_SIZE + _READ_ROOM + MOST_PAYLOADS * PAYLOAD_SIZE
            memory = self.process.memory.allocate(size)
            self.threads[len(self.threads) + 1] = (remote, memory.address)
        return self.threads[number]

    def open(self, mapped: int) -> None:
        """Open the device without waiting for anything, and map it."""
        flags = OPEN_FLAGS | os.O_NONBLOCK
        self.descriptor = self.process.syscall("openat", AT_FDCWD, os.fsencode(self.path), flags, 0)
        self.mapped = mapped
        if mapped:
            arguments = (0, mapped, mmap.PROT_READ, mmap.MAP_PRIVATE | MAP_NORESERVE, self.descriptor, 0)
            self.mapping = self.process.syscall("mmap", *arguments)

    def close(self) -> None:
        """Unmap and close, if it is open."""
        if self.descriptor >= 0:
            if self.mapped:
                self.process.syscall("munmap", self.mapping, self.mapped)
            self.process.syscall("close", self.descriptor)
        self.descriptor = -1


class Actors:
    """The processes of a program on one binder device that nobody else uses."""

    def __init__(self, device: Device, path: str) -> None:
        self._device = device
        self._path = path
        self._state_path = f"{device.binder.location}/{_STATE}".encode() + b"\0"
        self._actors: dict[int, Actor] = {}
        self.features = LINUX_6_12
        self.features = find_features(self)

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        """Take a step, and look at what the driver shows then.

        `expected` says where to look for what is delivered. After a Close the driver is given time to show
        one of the `allowed` views.
        """
        match step:
            case Open(number, mapped):
                self._actor(number).open(mapped)
                outcome = Outcome()
            case Close(number):
                self._actor(number).close()
                return Outcome(), self._settled(number, allowed)
            case Exchange():
                outcome, shown = self._exchange(step, expected)
                return outcome, shown
            case Control():
                outcome = self._control(step)
        return outcome, self.view(step.process)

    def view(self, number: int) -> View:
        """What the driver shows now, read by one of the processes."""
        actor = self._actor(number)
        remote, _ = actor.thread(1)
        operations = self._look(actor, 0)
        results = remote.batch(*operations, keep_going=True)
        return self._view(results[-1])

    def reset(self) -> None:
        """Close what is open; the driver has released all of it when this returns."""
        opened = [number for number, each in self._actors.items() if each.descriptor >= 0]
        for number in opened:
            self._actors[number].close()
        if opened:
            self._settled(opened[0], [{}])

    def _actor(self, number: int) -> Actor:
        if number not in self._actors:
            actor = Actor(self._device.process(), self._path)
            actor.process.memory.write(actor.path_memory, self._state_path)
            self._actors[number] = actor
        return self._actors[number]

    def _settled(self, number: int, allowed: Sequence[View]) -> View:
        """What is shown once it is allowed; with nothing allowed, once the process is gone."""
        deadline = Deadline(SETTLE_SECONDS)
        while True:
            shown = self.view(number)
            if shown in allowed or (not allowed and f"process {number}" not in shown):
                return shown
            try:
                deadline.check("the release of a closed file")
            except TimeLimitError:
                return shown

    def _exchange(self, step: Exchange, expected: Outcome) -> tuple[Outcome, View]:
        actor = self._actor(step.process)
        remote, memory = actor.thread(step.thread)
        written = memory + BinderWriteRead.sizeof()
        read = written + WRITE_SIZE
        payloads = read + _READ_ROOM
        commands, operations = b"", list[Operation]()
        for place, command in enumerate(step.commands):
            place_of = payloads + place * PAYLOAD_SIZE
            encoded, content = packed(command, actor.mapping, place_of, actor.spare_descriptor)
            commands += encoded
            if content:
                operations.append(Write(payloads + place * PAYLOAD_SIZE, content))
        argument = BinderWriteRead(
            write_size=len(commands), write_buffer=written, read_size=step.read, read_buffer=read
        )
        operations.append(Write(memory, argument.pack() + commands))
        call = len(operations)
        operations.append(SystemCall("ioctl", actor.descriptor, BinderIoctl.BINDER_WRITE_READ, memory))
        operations += [Read(memory, BinderWriteRead.sizeof()), Read(read, max(step.read, 4))]
        delivered = len(operations)
        if expected.objects:
            record = (
                read + sum(4 + each.sizeof() for each in expected.returns) - BinderTransactionData.sizeof()
            )
            buffer = record + BinderTransactionData.offsetof("buffer")
            operations.append(Read(Stored(buffer), sum(map(object_size, expected.objects))))
        operations += self._look(actor, len(operations))
        results = remote.batch(*operations, keep_going=True)
        answer = BinderWriteRead.unpack(results[call + 1].checked().data)
        content = results[call + 2].checked().data[: answer.read_consumed]
        objects, descriptors = (
            parsed_objects(results[delivered].data, actor.mapping) if expected.objects else ((), [])
        )
        if descriptors:
            remote.batch(*(SystemCall("close", each) for each in descriptors), keep_going=True)
        outcome = Outcome(
            -results[call].errno,
            answer.write_consumed,
            tuple(self._relative(each, actor) for each in returns.parse(content)),
            objects,
        )
        return outcome, self._view(results[-1])

    def _control(self, step: Control) -> Outcome:
        actor = self._actor(step.process)
        remote, memory = actor.thread(step.thread)
        argument = argument_of(step, lambda number: self._actor(number).process.pid)
        results = remote.batch(
            Write(memory, argument.pack() if argument is not None else bytes(_ARGUMENT_SIZE)),
            SystemCall("ioctl", actor.descriptor, step.ioctl, memory),
            Read(memory, _ARGUMENT_SIZE),
            keep_going=True,
        )
        error = results[1].errno
        if error or argument is None:
            return Outcome(-error)
        return Outcome(answer=answer_in(type(argument).unpack(results[2].checked().data)))

    def _look(self, actor: Actor, before: int) -> list[Operation]:
        """The operations that read the driver's state, after so many others of the batch."""
        return [
            SystemCall("openat", AT_FDCWD, actor.path_memory, os.O_RDONLY | os.O_CLOEXEC, 0),
            SystemCall("read", Earlier(before), actor.state_memory, STATE_SIZE),
            SystemCall("close", Earlier(before)),
            Read(actor.state_memory, Earlier(before + 1), STATE_SIZE),
        ]

    def _view(self, result: OperationResult) -> View:
        state = parse_state(result.checked().data.decode())
        numbers = Numbers(
            {each.process.pid: number for number, each in self._actors.items()},
            {
                remote.tid: number
                for each in self._actors.values()
                for number, (remote, _) in each.threads.items()
            },
        )
        return observed_view(state, numbers, with_offsets=self.features.shows_offsets)

    def _relative(self, returned: Return, actor: Actor) -> Return:
        if isinstance(returned, returns.Transaction | returns.Reply):
            pids = {each.process.pid: number for number, each in self._actors.items()}
            return replace(
                returned,
                buffer=returned.buffer - actor.mapping,
                offsets=returned.offsets - actor.mapping,
                sender_pid=pids.get(returned.sender_pid, returned.sender_pid),
            )
        return returned
