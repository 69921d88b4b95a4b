"""The driver as a whole: takes steps, and says all that each may do and show."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.model import exits, nodes, writing
from harness.model.controls import control
from harness.model.features import LINUX_6_12, Features
from harness.model.reading import Reading
from harness.model.records import Context, Process
from harness.model.steps import (
    Close,
    Exchange,
    ImpossibleStepError,
    Interrupt,
    Open,
    Outcome,
    Statistics,
    Step,
)
from harness.model.views import View, statistics, view


class World:
    """One binder device and the processes that have it open, in one state that the driver may be in.

    `choices` decide what the driver leaves open, in order; beyond them, the first possibility is taken.
    """

    def __init__(self, features: Features = LINUX_6_12, choices: Sequence[int] = ()) -> None:
        self.context = Context(features)
        self.processes: dict[int, Process] = {}
        self.waits: dict[tuple[int, int], tuple[Reading, int]] = {}
        """By process and thread: the reads that wait, and the bytes of commands that their exchanges took."""
        self._ended: list[tuple[int, int, Outcome]] = []
        self.choices = list(choices)
        self.possibilities: list[int] = []
        """How many there were, of each choice made so far."""

    def apply(self, step: Step) -> Outcome:
        """Take one step, and let those return that it wakes; ImpossibleStepError where it cannot be taken."""
        outcome = self._apply(step)
        woken = [*self._ended, *self._resumed()]
        self._ended = []
        return replace(outcome, woken=tuple(sorted(woken, key=lambda each: each[:2]))) if woken else outcome

    def _apply(self, step: Step) -> Outcome:
        if isinstance(step, Open):
            self.processes[step.process] = Process(self.context, step.process, step.mapped, self._choose)
            return Outcome()
        process = self.processes.get(step.process)
        if process is None:
            raise ImpossibleStepError(step)
        if isinstance(step, Statistics):
            return Outcome(answer=statistics(process))
        if isinstance(step, Close):
            self._ended = self._flushed(process)
            exits.end_process(self.processes.pop(step.process))
            return Outcome()
        key = (step.process, step.thread)
        if isinstance(step, Interrupt):
            self._ended = self._interrupted(key)
            return Outcome()
        if key in self.waits:
            raise ImpossibleStepError(step)
        if isinstance(step, Exchange):
            return self._exchange(step, process)
        caller = process.thread(step.thread)
        outcome = control(caller, step, self.processes)
        caller.need_return = False
        return outcome

    def _exchange(self, step: Exchange, process: Process) -> Outcome:
        """binder_ioctl_write_read."""
        thread = process.thread(step.thread)
        result, consumed = writing.write(thread, step.commands)
        if result or not step.read:
            thread.need_return = False
            return Outcome(result, consumed)
        reading = Reading(thread, step.read, is_full=step.is_full)
        if not reading.run():
            if step.waits:
                reading.wait()
                self.waits[step.process, step.thread] = (reading, consumed)
                return Outcome(waits=True)
            thread.need_return = False
            if process.todo:
                process.wake()
            return Outcome(-errno.EAGAIN, consumed)
        return _read(reading, consumed)

    def _resumed(self) -> Iterator[tuple[int, int, Outcome]]:
        """Those that wait and are woken look again, until none of them has work."""
        while woken := [key for key, (reading, _) in self.waits.items() if reading.thread.is_woken]:
            for key in woken:
                reading, consumed = self.waits[key]
                if reading.resume():
                    del self.waits[key]
                    yield (*key, _read(reading, consumed))
                else:
                    reading.wait()

    def _interrupted(self, key: tuple[int, int]) -> list[tuple[int, int, Outcome]]:
        """A wait that ends with a signal, if there is one. binder_wait_for_work."""
        if key not in self.waits:
            return []
        reading, consumed = self.waits.pop(key)
        waiting = reading.thread.process.waiting
        if reading.thread in waiting:
            waiting.remove(reading.thread)
        reading.thread.need_return = False
        return [(*key, Outcome(-errno.EINTR, consumed))]

    def _flushed(self, process: Process) -> list[tuple[int, int, Outcome]]:
        """The threads of a file that is closed return, before it is released. binder_deferred_flush."""
        for thread in process.threads.values():
            thread.need_return = thread.is_woken = True
        return list(self._resumed())

    def _choose(self, count: int) -> int:
        if count == 1:
            return 0
        place = len(self.possibilities)
        self.possibilities.append(count)
        if place == len(self.choices):
            self.choices.append(0)
        return self.choices[place]


def _read(reading: Reading, consumed: int) -> Outcome:
    """What comes of an exchange whose read is over."""
    process = reading.thread.process
    reading.thread.need_return = False
    if process.todo:
        process.wake()
    objects = tuple(reading.delivered.objects) if reading.delivered else ()
    return Outcome(0, consumed, tuple(reading.returns), objects)


class Worlds:
    """All states that the driver may be in, by what it has shown so far."""

    def __init__(self, features: Features = LINUX_6_12) -> None:
        self.features = features
        self.candidates = [World(features)]
        self.program: list[Step] = []

    @property
    def likely(self) -> World:
        """One of them, from which further steps are chosen."""
        return self.candidates[0]

    def step(self, step: Step) -> list[tuple[Outcome, View]]:
        """Take a step in each, and return all that the driver may do and show: one for each candidate."""
        self.program.append(step)
        allowed = []
        pending = list(self.candidates)
        self.candidates = []
        for world in pending:
            known = len(world.possibilities)
            outcome = world.apply(step)
            self.candidates.append(world)
            allowed.append((outcome, view_of(world)))
            for place in range(known, len(world.possibilities)):
                for other in range(1, world.possibilities[place]):
                    again, outcome = self._replayed([*world.choices[:place], other])
                    self.candidates.append(again)
                    allowed.append((outcome, view_of(again)))
        return allowed

    def keep(self, matching: Sequence[bool]) -> None:
        """Drop the candidates that do not match what the driver did, in the order of step()'s result."""
        self.candidates = [world for world, matches in zip(self.candidates, matching, strict=True) if matches]

    def _replayed(self, choices: Sequence[int]) -> tuple[World, Outcome]:
        world = World(self.features, choices)
        outcome = Outcome()
        for step in self.program:
            outcome = world.apply(step)
        return world, outcome


def view_of(world: World) -> View:
    """What the driver's debug files show of a world, which looking may change; nothing while a thread waits.

    print_binder_proc.

    The file `state` holds each node while it prints it, and lets it go: if nothing else keeps the node, the
    owner gets work for it, which may tell it nothing.
    """
    if world.waits:
        return {}
    for process in world.processes.values():
        for ptr in sorted(process.nodes):
            with nodes.held(process.nodes[ptr]):
                pass
    return view(world.context, world.processes.values())
