"""Programs get shorter as long as they show what they showed, and every step stays possible."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from emulator.base.deadline import Deadline
from harness.binder.abi.commands import Acquire, Release
from harness.explore.comparison import Apart, Together, difference
from harness.explore.search import Limits, Search
from harness.explore.shrinking import is_possible, shortest
from harness.model.features import LINUX_6_12, Features
from harness.model.steps import Close, Exchange, Open, Outcome, Step
from harness.model.views import View
from tests.support.model_taker import ModelTaker, random_program

ACQUIRE = Exchange(2, 1, (Acquire(0), Release(0), Acquire(3)))
PROGRAM = (Open(1), Open(2), Exchange(1, 1), ACQUIRE, Close(1), Exchange(2, 2))


def has_acquire(program: Sequence[Step]) -> bool:
    return any(isinstance(each, Exchange) and Acquire(3) in each.commands for each in program)


def test_what_does_not_matter_is_left_out() -> None:
    assert shortest(PROGRAM, has_acquire, Deadline(10)) == (Open(2), Exchange(2, 1, (Acquire(3),)))


def test_without_time_the_program_stays() -> None:
    assert shortest(PROGRAM, has_acquire, Deadline(0)) == PROGRAM


@pytest.mark.parametrize("seed", range(5))
def test_only_possible_programs_are_tried(seed: int) -> None:
    program = tuple(step for step, _ in random_program(seed))
    assert is_possible(program)
    tried: list[Sequence[Step]] = []

    def shows(shorter: Sequence[Step]) -> bool:
        tried.append(shorter)
        return len(shorter) > len(program) // 2

    shortest(program, shows, Deadline(10))
    assert tried
    assert all(map(is_possible, tried))


@pytest.mark.parametrize(
    "program", [[Exchange(1, 1)], [Open(1), Open(1)], [Open(1), Close(1), Exchange(1, 1)], [Close(1)]]
)
def test_impossible_programs(program: list[Step]) -> None:
    assert not is_possible(program)


class Other(ModelTaker):
    """A driver without a model, whose every fifth exchange fails with EIO."""

    def __init__(self) -> None:
        super().__init__(Features(shows_counts=False))

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        outcome, view = super().take(step, expected, allowed)
        if isinstance(step, Exchange) and next(self.exchanges) % 5 == 4:
            outcome = Outcome(-5)
        return outcome, view

    def reset(self) -> None:
        self.exchanges = itertools.count()
        super().reset()


def test_the_programs_on_which_two_drivers_differ_are_shortened() -> None:
    search = Search(ModelTaker(), Other(), limits=Limits(steps=300))
    search.run(("reads",), seed=1)
    assert search.disagreement is None
    assert search.apart
    before = {what: len(each.program) for what, each in search.apart.items()}
    search.shorten(10)
    for what, each in search.apart.items():
        assert "EIO" in what
        assert len(each.program) <= min(before[what], 12)
        assert sum(isinstance(step, Exchange) for step in each.program) == 5


def test_a_program_ends_where_a_driver_without_a_model_goes_its_own_way() -> None:
    apart: dict[str, Apart] = {}
    together = Together([ModelTaker(LINUX_6_12), Other()], apart)
    together.take(Open(1))
    taken = 0
    while not together.is_over:
        together.take(Exchange(1, 1, (Acquire(0),)))
        taken += 1
    assert taken == 5


def test_figures_are_named_where_the_returns_are_the_same() -> None:
    assert difference(Outcome(0, 8), Outcome(0, 4)) == "success: consumed 8 / 4"
    assert difference(Outcome(0), Outcome(-22)) == "success / EINVAL"
    assert difference(Outcome(0), Outcome(0)) == ""
