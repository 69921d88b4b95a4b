"""Takes a program's steps in the model and on a driver, and finds the first on which they differ."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, cast

from harness.binder.abi.returns import Noop, Reply, Transaction, TransactionSecurityContext
from harness.explore.program import as_python
from harness.model.features import Features
from harness.model.steps import Outcome, Pointer, Statistics, Step
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
    is_known: bool
    """Whether each does as its model says: then they differ in their features."""


class Together:
    """One program on several drivers: each is compared with its model, and with the first of them."""

    def __init__(self, takers: Sequence[Taker], apart: dict[str, Apart]) -> None:
        """`apart` collects how they differ. A driver that shows other counts than C's has no model."""
        self._first = Comparison(takers[0])
        self._others = [
            Comparison(each) if each.features.shows_counts else Follower(each) for each in takers[1:]
        ]
        self._apart = apart
        self.is_over = False
        """Whether a driver without a model has gone its own way: what follows cannot be compared."""
        self.joins_pool_first = any(
            each.features.serves_only_pool or not each.features.returns_at_first for each in takers
        )
        """Whether threads that begin otherwise are known to be treated differently."""

    @property
    def worlds(self) -> Worlds:
        """The first driver's, from which steps are chosen."""
        return self._first.worlds

    def take(self, step: Step) -> Outcome:
        """Take one step on each, and return the first's outcome; DisagreementError like Comparison."""
        first = self._first.take(step)
        for other in self._others:
            found = other.take(step) if isinstance(other, Comparison) else other.take(step, first)
            what = difference(first, found, but_for_waiting=isinstance(other, Follower))
            if what:
                self._note(what, is_known=isinstance(other, Comparison))
                self.is_over |= isinstance(other, Follower)
        return first

    def _note(self, what: str, *, is_known: bool) -> None:
        program = tuple(self.worlds.program)
        known = self._apart.setdefault(what, Apart(what, 0, program, is_known))
        known.steps += 1
        if len(program) < len(known.program):
            known.program = program


class Follower:
    """A driver that takes a program's steps without a model of its own."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def take(self, step: Step, expected: Outcome) -> Outcome:
        """Take one step, and return its outcome; statistics, which it has others of, are what is expected."""
        if isinstance(step, Statistics):
            return expected
        return self._taker.take(step, expected, [])[0]


def difference(first: Outcome, other: Outcome, *, but_for_waiting: bool = False) -> str:
    """What two drivers returned, in short, and which figures differ if that is the same; empty if all is.

    `but_for_waiting`: whether a read that returns BR_NOOP alone is taken for one that would have waited.
    """
    first, other = _without_places(first), _without_places(other)
    if but_for_waiting:
        first, other = _would_wait(first), _would_wait(other)
    if first == other:
        return ""
    names = (in_short(first), in_short(other))
    if names[0] != names[1]:
        return " / ".join(names)
    return f"{names[0]}: {'; '.join(_figures(first, other))}"


def _figures(first: Outcome, other: Outcome) -> Iterator[str]:
    """What differs between outcomes with the same returns, by its name."""
    for name in ("consumed", "objects", "answer"):
        if getattr(first, name) != getattr(other, name):
            yield f"{name} {getattr(first, name)} / {getattr(other, name)}"
    for one, another in zip(first.returns, other.returns, strict=True):
        for field in fields(cast(Any, one)):
            values = getattr(one, field.name), getattr(another, field.name)
            if values[0] != values[1]:
                yield f"{field.name} {values[0]} / {values[1]}"


def _without_places(outcome: Outcome) -> Outcome:
    """Without where buffers are: of several free pieces that fit, each driver takes which it likes."""
    returned = tuple(
        _without_place(each) if isinstance(each, Transaction | Reply) else each for each in outcome.returns
    )
    objects = tuple(replace(each, at=None) if isinstance(each, Pointer) else each for each in outcome.objects)
    return replace(outcome, returns=returned, objects=objects)


def _would_wait(outcome: Outcome) -> Outcome:
    if outcome.returns == (Noop(),):
        return replace(outcome, result=-errno.EAGAIN, returns=())
    return outcome


def _without_place(returned: Transaction | Reply) -> Transaction | Reply:
    if isinstance(returned, TransactionSecurityContext):
        returned = replace(returned, secctx=0)
    return replace(returned, buffer=0, offsets=0)


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
