"""Takes a program's steps in the model and on a driver, and finds the first on which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.explore.program import as_python
from harness.model.records import Features
from harness.model.steps import Outcome, Step
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
