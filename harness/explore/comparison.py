"""Takes a program's steps in the model and on a driver, and finds the first on which they differ."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from harness.binder.abi.returns import Reply, Transaction
from harness.explore.program import as_python
from harness.model.records import Features
from harness.model.steps import Outcome, Pointer, Step
from harness.model.views import View
from harness.model.world import Worlds


class Taker(Protocol):
    """What takes steps: processes on a device, or another model."""

    features: Features

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        """Take a step, and return what came of it and what the driver shows then."""
        ...

    def reset(self) -> None:
        """End everything that the program began."""
        ...


class DisagreementError(AssertionError):
    """Driver and model differ; the message has the difference, and the program in Python."""

    def __init__(self, program: Sequence[Step], differences: Sequence[str]) -> None:
        self.program = tuple(program)
        self.differences = tuple(differences)
        shown = "\n".join(f"    {each}" for each in differences)
        super().__init__(f"Step {len(program)} differs:\n{shown}\n\n{as_python(program)}")


class Comparison:
    """One program, taken step by step."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self.worlds = Worlds(taker.features)

    def take(self, step: Step) -> Outcome:
        """Take one step, and return its outcome; DisagreementError unless the model allows it."""
        allowed = self.worlds.step(step)
        outcome, shown = self._taker.take(step, allowed[0][0], [view for _, view in allowed])
        matching = [each == (outcome, shown) for each in allowed]
        if not any(matching):
            expected_outcome, expected_view = allowed[0]
            raise DisagreementError(
                self.worlds.program, differences(expected_outcome, outcome, expected_view, shown)
            )
        self.worlds.keep(matching)
        return outcome


@dataclass(slots=True)
class Apart:
    """Steps in which two drivers differ in one way, each as its model says."""

    what: str
    """What the first and the other returned."""
    steps: int
    program: tuple[Step, ...]
    """The shortest that ends in one."""


class Together:
    """One program on several drivers, each compared with its model, and with the first of them."""

    def __init__(self, takers: Sequence[Taker], apart: dict[str, Apart]) -> None:
        """`apart` collects how they differ."""
        self._comparisons = [Comparison(taker) for taker in takers]
        self._apart = apart

    @property
    def worlds(self) -> Worlds:
        """The first driver's, from which steps are chosen."""
        return self._comparisons[0].worlds

    def take(self, step: Step) -> Outcome:
        """Take one step on each, and return the first's outcome; DisagreementError like Comparison."""
        first, *others = [each.take(step) for each in self._comparisons]
        for other in others:
            if _without_places(other) != _without_places(first):
                self._note(f"{in_short(first)} / {in_short(other)}")
        return first

    def _note(self, what: str) -> None:
        program = tuple(self.worlds.program)
        known = self._apart.setdefault(what, Apart(what, 0, program))
        known.steps += 1
        if len(program) < len(known.program):
            known.program = program


def _without_places(outcome: Outcome) -> Outcome:
    """Without where buffers are: of several free pieces that fit, each driver takes which it likes."""
    returned = tuple(
        replace(each, buffer=0, offsets=0) if isinstance(each, Transaction | Reply) else each
        for each in outcome.returns
    )
    objects = tuple(replace(each, at=None) if isinstance(each, Pointer) else each for each in outcome.objects)
    return replace(outcome, returns=returned, objects=objects)


def in_short(outcome: Outcome) -> str:
    """An outcome by the names of its returns, or by its errno or answer."""
    if outcome.result:
        return errno.errorcode.get(-outcome.result, str(outcome.result))
    names = [each.TAG.name for each in outcome.returns]
    return ", ".join(names) or (f"answer {outcome.answer!r}" if outcome.answer else "success")


def differences(expected: Outcome, found: Outcome, expected_view: View, shown: View) -> list[str]:
    """What differs, one line each: of the outcome, and of what the driver shows."""
    lines = [
        f"{name}: expected {getattr(expected, name)}, found {getattr(found, name)}"
        for name in ("result", "consumed", "returns", "objects", "answer")
        if getattr(expected, name) != getattr(found, name)
    ]
    for name in sorted(expected_view.keys() | shown.keys()):
        model, driver = expected_view.get(name, "nothing"), shown.get(name, "nothing")
        if model != driver:
            lines.append(f"{name}: expected {model!r}, found {driver!r}")
    return lines
