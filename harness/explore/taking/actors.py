"""Processes on a device that take a program's steps, each in one round trip with the driver's state."""

from __future__ import annotations

import mmap
import os
import resource
from collections.abc import Sequence
from dataclasses import replace

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.errors import cut_off
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
from harness.explore.features import find_features
from harness.explore.taking.control_arguments import answer_in, argument_of
from harness.explore.taking.observed import Numbers, observed_view
from harness.explore.taking.packing import PAYLOAD_SIZE, packed, parsed_objects
from harness.explore.taking.received import with_fixups
from harness.kernel.binder_debug.state_parser import parse_state
from harness.model.records import LINUX_6_12
from harness.model.steps import (
    WORD,
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
_LIMIT_SIZE = 16
"""Of struct rlimit: the soft and the hard one."""
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

    def __init__(self, process: RemoteProcess, path: str, state_path: str) -> None:
        self.process = process
        self.threads: dict[int, tuple[RemoteThread, int]] = {}
        """By number: the thread, and the address of its memory."""
        self.descriptor = -1
        self.spare_descriptor = process.syscall("openat", AT_FDCWD, b"/", os.O_RDONLY | os.O_CLOEXEC, 0)
        """What it sends."""
        self.mapping = self.mapped = 0
        self._path = self._placed(path)
        self._state_path = self._placed(state_path)
        self._state_memory = process.memory.allocate(STATE_SIZE).address
        self._limit = process.memory.allocate(2 * _LIMIT_SIZE).address
        process.syscall("prlimit64", 0, resource.RLIMIT_NOFILE, 0, self._limit)
        process.memory.write(
            self._limit + _LIMIT_SIZE, bytes(WORD) + process.memory.read(self._limit + WORD, WORD)
        )

    def _placed(self, path: str) -> int:
        content = os.fsencode(path) + b"\0"
        address = self.process.memory.allocate(len(content)).address
        self.process.memory.write(address, content)
        return address

    def thread(self, number: int) -> tuple[RemoteThread, int]:
        """A thread and its memory, started at its first use."""
        while number not in self.threads:
            remote = self.process.main if not self.threads else self.process.start_thread()
            size = BinderWriteRead.sizeof() + WRITE_SIZE + _READ_ROOM + MOST_PAYLOADS * PAYLOAD_SIZE
            memory = self.process.memory.allocate(size)
            self.threads[len(self.threads) + 1] = (remote, memory.address)
        return self.threads[number]

    def opening(self, mapped: int) -> list[Operation]:
        """The operations that open the device without waiting for anything, and map it."""
        flags = OPEN_FLAGS | os.O_NONBLOCK
        operations: list[Operation] = [SystemCall("openat", AT_FDCWD, self._path, flags, 0)]
        if mapped:
            protection, kind = mmap.PROT_READ, mmap.MAP_PRIVATE | MAP_NORESERVE
            operations.append(SystemCall("mmap", 0, mapped, protection, kind, Earlier(0), 0))
        return operations

    def opened(self, mapped: int, results: Sequence[OperationResult]) -> None:
        """Keep what these returned; OSError where one failed."""
        self.descriptor = results[0].checked().value
        self.mapped = mapped
        if mapped:
            self.mapping = results[1].checked().value

    def closing(self) -> list[Operation]:
        """The operations that unmap and close the device and what was received, which are not open then."""
        operations: list[Operation] = [SystemCall("close_range", self.spare_descriptor + 1, 0xFFFF_FFFF, 0)]
        if self.mapped:
            operations.insert(0, SystemCall("munmap", self.mapping, self.mapped))
        self.descriptor = -1
        return operations

    def filled(self, call: SystemCall) -> list[Operation]:
        """A call during which the process may have no further descriptor; it is the second operation."""
        unlimited, limited = self._limit, self._limit + _LIMIT_SIZE
        return [
            SystemCall("prlimit64", 0, resource.RLIMIT_NOFILE, limited, 0),
            call,
            SystemCall("prlimit64", 0, resource.RLIMIT_NOFILE, unlimited, 0),
        ]

    def looking(self, before: int) -> list[Operation]:
        """The operations that read the driver's state, after so many others of the batch."""
        return [
            SystemCall("openat", AT_FDCWD, self._state_path, os.O_RDONLY | os.O_CLOEXEC, 0),
            SystemCall("read", Earlier(before), self._state_memory, STATE_SIZE),
            SystemCall("close", Earlier(before)),
            Read(self._state_memory, Earlier(before + 1), STATE_SIZE),
        ]


class Actors:
    """The processes of a program on one binder device that nobody else uses."""

    def __init__(self, device: Device, path: str) -> None:
        self._device = device
        self._path = path
        self._state_path = f"{device.binder.location}/{_STATE}"
        self._actors: dict[int, Actor] = {}
        self.features = LINUX_6_12
        self.features = find_features(self)

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        """Take a step, and look at what the driver shows then.

        `expected` says where to look for what is delivered. After a Close the driver is given time to show
        one of the `allowed` views. Raises DeviceLostError where the device is gone.
        """
        try:
            return self._take(step, expected, allowed)
        except (HarnessError, OSError) as error:
            self._device.raise_if_lost(cut_off=cut_off(error))
            raise

    def _take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        match step:
            case Open(number, mapped):
                actor = self._actor(number)
                results, shown = self._run(actor, 1, actor.opening(mapped))
                actor.opened(mapped, results)
                return Outcome(), shown
            case Close(number):
                actor = self._actor(number)
                _, shown = self._run(actor, 1, actor.closing())
                return Outcome(), self._settled(number, shown, allowed)
            case Exchange():
                return self._exchange(step, expected)
            case Control():
                return self._control(step)

    def reset(self) -> None:
        """Close what is open; the driver has released all of it when this returns."""
        opened = [number for number, each in self._actors.items() if each.descriptor >= 0]
        actors = [self._actor(number) for number in opened]
        for pending in [each.process.main.submit(*each.closing(), keep_going=True) for each in actors]:
            pending.result()
        if opened:
            _, shown = self._run(actors[0], 1, [])
            self._settled(opened[0], shown, [{}])

    def _actor(self, number: int) -> Actor:
        if number not in self._actors:
            self._actors[number] = Actor(self._device.process(), self._path, self._state_path)
        return self._actors[number]

    def _run(
        self, actor: Actor, thread: int, operations: Sequence[Operation]
    ) -> tuple[list[OperationResult], View]:
        """Run operations and look, in one round trip: what they returned, and what the driver shows."""
        remote, _ = actor.thread(thread)
        results = remote.batch(*operations, *actor.looking(len(operations)), keep_going=True)
        return results[: len(operations)], self._view(results[-1])

    def _settled(self, number: int, shown: View, allowed: Sequence[View]) -> View:
        """What is shown once it is allowed; with nothing allowed, once the process is gone."""
        deadline = Deadline(SETTLE_SECONDS)
        while not (shown in allowed if allowed else f"process {number}" not in shown):
            if deadline.expired:
                return shown
            _, shown = self._run(self._actor(number), 1, [])
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
            encoded, writes = packed(command, actor.mapping, place_of, actor.spare_descriptor)
            commands += encoded
            operations += writes
        argument = BinderWriteRead(
            write_size=len(commands), write_buffer=written, read_size=step.read, read_buffer=read
        )
        operations.append(Write(memory, argument.pack() + commands))
        exchange = SystemCall("ioctl", actor.descriptor, BinderIoctl.BINDER_WRITE_READ, memory)
        operations += actor.filled(exchange) if step.is_full else [exchange]
        call = operations.index(exchange)
        answered = len(operations)
        operations += [Read(memory, BinderWriteRead.sizeof()), Read(read, max(step.read, 4))]
        if expected.objects:
            record = read + sum(4 + each.sizeof() for each in expected.returns[:-1]) + 4
            buffer = record + BinderTransactionData.offsetof("buffer")
            operations.append(Read(Stored(buffer), sum(map(object_size, expected.objects))))
        results, shown = self._run(actor, step.thread, operations)
        answer = BinderWriteRead.unpack(results[answered].checked().data)
        content = results[answered + 1].checked().data[: answer.read_consumed]
        objects = parsed_objects(results[-1].data, actor.mapping) if expected.objects else ()
        outcome = Outcome(
            -results[call].errno,
            answer.write_consumed,
            tuple(self._relative(each, actor) for each in returns.parse(content)),
            with_fixups(objects, actor.mapping, remote),
        )
        return outcome, shown

    def _control(self, step: Control) -> tuple[Outcome, View]:
        actor = self._actor(step.process)
        _, memory = actor.thread(step.thread)
        argument = argument_of(step, lambda number: self._actor(number).process.pid)
        operations = (
            Write(memory, argument.pack() if argument is not None else bytes(_ARGUMENT_SIZE)),
            SystemCall("ioctl", actor.descriptor, step.ioctl, memory),
            Read(memory, _ARGUMENT_SIZE),
        )
        (_, call, content), shown = self._run(actor, step.thread, operations)
        if call.errno or argument is None:
            return Outcome(-call.errno), shown
        return Outcome(answer=answer_in(type(argument).unpack(content.checked().data))), shown

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
            if isinstance(returned, returns.TransactionSecurityContext):
                returned = replace(returned, secctx=returned.secctx - actor.mapping)
            return replace(
                returned,
                buffer=returned.buffer - actor.mapping,
                offsets=returned.offsets - actor.mapping,
                sender_pid=pids.get(returned.sender_pid, returned.sender_pid),
            )
        return returned
