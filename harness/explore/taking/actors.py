"""Processes on a device that take a program's steps, each in one round trip with the driver's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.errors import cut_off
from harness.agent.operations import Operation, OperationResult, Read, SystemCall, Write
from harness.agent.thread import RemoteThread
from harness.binder.abi import returns
from harness.binder.abi.returns import Return
from harness.device.device import Device
from harness.device.facts import Need
from harness.explore.features import find_features
from harness.explore.taking.actor import Actor
from harness.explore.taking.control_arguments import answer_in, argument_of
from harness.explore.taking.exchanging import Prepared
from harness.explore.taking.observed import Numbers, counts_of, observed_view
from harness.explore.taking.waiting import Waits
from harness.kernel.binder_debug.state_parser import parse_state
from harness.kernel.binder_debug.stats import parse_stats
from harness.model.features import LINUX_6_12
from harness.model.steps import Close, Control, Exchange, Interrupt, Open, Outcome, Statistics, Step
from harness.model.views import View

SETTLE_SECONDS = 5.0
"""How long the driver may take to release a closed file: it does so from a work queue (binder_defer_work)."""
_ARGUMENT_SIZE = 64
_FILES = ("state", "stats")


def free_node(device: Device) -> str:
    """The binder device that a program may use; FacilityMissingError, with the reason, where none is free."""
    Need.BINDER_DEBUG.require(device.facts)
    Need.FREE_BINDER.require(device.facts)
    path = device.facts.free_binder_device
    assert path is not None
    return path


class Actors:
    """The processes of a program on one binder device that nobody else uses."""

    def __init__(self, device: Device, path: str) -> None:
        self._device = device
        self._path = path
        self._actors: dict[int, Actor] = {}
        self._waits = Waits(device.files.read_text)
        self.features = LINUX_6_12
        self.features = replace(find_features(self), page_size=device.facts.page_size)

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
        actor = self._actor(step.process)
        outcome, shown = Outcome(), None
        match step:
            case Open(_, mapped):
                results, shown = self._run(actor, actor.idle, actor.opening(mapped))
                actor.opened(mapped, results)
            case Close():
                _, shown = self._run(actor, actor.idle, actor.closing())
            case Interrupt():
                self._waits.interrupt((step.process, step.thread))
            case Statistics():
                outcome, shown = self._statistics(actor)
            case Exchange(waits=True):
                prepared = Prepared(step, actor, (), ())
                begun = self._waits.begin(step, actor, prepared, self._relative, waits=expected.waits)
                outcome = begun or Outcome(waits=True)
            case Exchange():
                outcome, shown = self._exchange(actor, step, expected)
            case Control():
                outcome, shown = self._control(actor, step)
        woken = self._waits.returned([each[:2] for each in expected.woken], self._relative)
        outcome = replace(outcome, woken=woken)
        if self._waits:
            return outcome, {}
        if shown is None:
            _, shown = self._run(actor, actor.idle, [])
            assert shown is not None
        return outcome, self._settled(step.process, shown, allowed) if isinstance(step, Close) else shown

    def reset(self) -> None:
        """Close what is open; the driver has released all of it when this returns."""
        opened = [number for number, each in self._actors.items() if each.descriptor >= 0]
        actors = [self._actor(number) for number in opened]
        for pending in [each.idle.submit(*each.closing(), keep_going=True) for each in actors]:
            pending.result()
        self._waits.end()
        if opened:
            _, shown = self._run(actors[0], actors[0].idle, [])
            self._settled(opened[0], shown or {}, [{}])

    def _actor(self, number: int) -> Actor:
        if number not in self._actors:
            files = (f"{self._device.binder.location}/{name}" for name in _FILES)
            self._actors[number] = Actor(self._device.process(), self._path, *files)
        return self._actors[number]

    def _run(
        self, actor: Actor, remote: RemoteThread, operations: Sequence[Operation]
    ) -> tuple[list[OperationResult], View | None]:
        """Run operations and look, in one round trip: what they returned, and what the driver shows.

        While a thread waits nobody looks: looking may give it work.
        """
        if self._waits:
            return remote.batch(*operations, keep_going=True), None
        results = remote.batch(*operations, *actor.looking(len(operations)), keep_going=True)
        return results[: len(operations)], self._view(results[-1])

    def _settled(self, number: int, shown: View, allowed: Sequence[View]) -> View:
        """What is shown once it is allowed; with nothing allowed, once the process is gone."""
        actor = self._actor(number)
        deadline = Deadline(SETTLE_SECONDS)
        while not (shown in allowed if allowed else f"process {number}" not in shown):
            if deadline.expired:
                return shown
            _, looked = self._run(actor, actor.idle, [])
            shown = looked or {}
        return shown

    def _exchange(self, actor: Actor, step: Exchange, expected: Outcome) -> tuple[Outcome, View | None]:
        prepared = Prepared(step, actor, expected.objects, expected.returns[:-1])
        results, shown = self._run(actor, actor.thread(step.thread)[0], prepared.operations)
        return prepared.outcome(results, self._relative), shown

    def _control(self, actor: Actor, step: Control) -> tuple[Outcome, View | None]:
        remote, memory = actor.thread(step.thread)
        argument = argument_of(step, lambda number: self._actor(number).process.pid)
        operations = (
            Write(memory, argument.pack() if argument is not None else bytes(_ARGUMENT_SIZE)),
            SystemCall("ioctl", actor.descriptor, step.ioctl, memory),
            Read(memory, _ARGUMENT_SIZE),
        )
        (_, call, content), shown = self._run(actor, remote, operations)
        if call.errno or argument is None:
            return Outcome(-call.errno), shown
        return Outcome(answer=answer_in(type(argument).unpack(content.checked().data))), shown

    def _statistics(self, actor: Actor) -> tuple[Outcome, View | None]:
        results, shown = self._run(actor, actor.idle, actor.counting())
        parsed = parse_stats(results[-1].checked().data.decode())
        (found,) = (each for each in parsed.processes if each.pid == actor.process.pid)
        return Outcome(answer=counts_of(found)), shown

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
