"""The shortest program that still shows what a longer one showed, found by leaving steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from emulator.base.deadline import Deadline
from harness.model.steps import Close, Exchange, Open, Step

Program = tuple[Step, ...]


def shortest(program: Sequence[Step], shows: Callable[[Program], bool], deadline: Deadline) -> Program:
    """Leave out steps, and commands of steps, as long as `shows` is true of what is left, or to the deadline.

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
    """The program without half of its steps, a quarter and so on, the later first; then without a command."""
    size = len(program) // 2
    while size:
        for start in range(len(program) - size, -1, -size):
            yield program[:start] + program[start + size :]
        size //= 2
    for number, step in enumerate(program):
        if isinstance(step, Exchange):
            for place in range(len(step.commands)):
                fewer = replace(step, commands=step.commands[:place] + step.commands[place + 1 :])
                yield (*program[:number], fewer, *program[number + 1 :])
