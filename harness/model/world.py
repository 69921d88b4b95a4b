"""The driver as a whole: takes steps, and says all that each may do and show."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import exits, nodes, writing
from harness.model.controls import control
from harness.model.reading import Reading
from harness.model.records import LINUX_6_12, Context, Features, Process
from harness.model.steps import Close, Control, Exchange, Open, Outcome, Step
from harness.model.views import View, view


class World:
    """One binder device and the processes that have it open, in one state that the driver may be in.

    `choices` decide what the driver leaves open, in order; beyond them, the first possibility is taken.
    """

    def __init__(self, features: Features = LINUX_6_12, choices: Sequence[int] = ()) -> None:
        self.context = Context(features)
        self.processes: dict[int, Process] = {}
        self.choices = list(choices)
        self.possibilities: list[int] = []
        """How many there were, of each choice made so far."""

    def apply(self, step: Step) -> Outcome:
        """Take one step."""
        match step:
            case Open(number, mapped):
                self.processes[number] = Process(self.context, number, mapped, self._choose)
                return Outcome()
            case Close(number):
                exits.end_process(self.processes.pop(number))
                return Outcome()
            case Exchange():
                return self._exchange(step)
            case Control(number, thread):
                caller = self.processes[number].thread(thread)
                outcome = control(caller, step, self.processes)
                caller.need_return = False
                return outcome

    def _exchange(self, step: Exchange) -> Outcome:
        """binder_ioctl_write_read."""
        thread = self.processes[step.process].thread(step.thread)
        result, consumed = writing.write(thread, step.commands)
        reading = Reading(thread, step.read, is_full=step.is_full)
        if result == 0 and step.read:
            result = reading.run()
        thread.need_return = False
        if result or not step.read:
            return Outcome(result, consumed)
        objects = tuple(reading.delivered.objects) if reading.delivered else ()
        return Outcome(0, consumed, tuple(reading.returns), objects)

    def _choose(self, count: int) -> int:
        if count == 1:
            return 0
        place = len(self.possibilities)
        self.possibilities.append(count)
        if place == len(self.choices):
            self.choices.append(0)
        return self.choices[place]


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
    """What the driver's debug files show of a world, which looking may change. print_binder_proc.

    The file `state` holds each node while it prints it, and lets it go: if nothing else keeps the node, the
    owner gets work for it, which may tell it nothing.
    """
    for process in world.processes.values():
        for ptr in sorted(process.nodes):
            with nodes.held(process.nodes[ptr]):
                pass
    return view(world.context, world.processes.values())
