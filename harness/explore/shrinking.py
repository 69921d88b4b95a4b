"""The shortest program that still shows what a longer one showed, found by leaving steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from emulator.base.deadline import Deadline
from harness.model.steps import Close, Command, Exchange, Open, Payload, Reply, Step, Transact

Program = tuple[Step, ...]


def shortest(program: Sequence[Step], shows: Callable[[Program], bool], deadline: Deadline) -> Program:
    """Leave out steps, commands and what they carry while `shows` is true of what is left; to the deadline.

    `shows` takes programs in which every step is possible: of a process that has the device open.
    """
    found = tuple(program)
    while True:
        for shorter in _shorter(found):
            if deadline.expired:
                return found
            if is_possible(shorter) and shows(shorter):
                found = shorter
                break
        else:
            return found


def is_possible(program: Sequence[Step]) -> bool:
    """Whether each step is of a process that has the device open, and none opens it twice."""
    opened: set[int] = set()
    for step in program:
        if (step.process in opened) is isinstance(step, Open):
            return False
        if isinstance(step, Open):
            opened.add(step.process)
        elif isinstance(step, Close):
            opened.remove(step.process)
    return True


def _shorter(program: Program) -> Iterator[Program]:
    """The program without half of its steps, a quarter and so on, the later first; then less in a step."""
    size = len(program) // 2
    while size:
        for start in range(len(program) - size, -1, -size):
            yield program[:start] + program[start + size :]
        size //= 2
    for number, step in enumerate(program):
        if isinstance(step, Exchange):
            for place, command in enumerate(step.commands):
                for simpler in ((), *([each] for each in _simpler(command))):
                    commands = (*step.commands[:place], *simpler, *step.commands[place + 1 :])
                    yield (*program[:number], replace(step, commands=commands), *program[number + 1 :])


def _simpler(command: Command) -> Iterator[Command]:
    """A transaction or reply that carries less."""
    if not isinstance(command, Transact | Reply):
        return
    payload = command.payload
    objects = payload.objects
    fewer = (objects[:place] + objects[place + 1 :] for place in range(len(objects)))
    for less in (
        Payload(),
        replace(payload, size=0),
        replace(payload, missing=0),
        *(replace(payload, objects=each) for each in fewer),
    ):
        if less != payload:
            yield replace(command, payload=less)
    if command.flags:
        yield replace(command, flags=0)
