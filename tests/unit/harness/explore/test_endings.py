"""However a search ends, it ends soon, and with what it found: interrupted, out of time, its device lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError
from harness.binder.abi.commands import Acquire
from harness.explore import search as searching
from harness.explore.choosing.rules import RULES, START
from harness.explore.comparison import Taker
from harness.explore.losses import stops_device
from harness.explore.search import Limits, Search
from harness.explore.shrinking import shortest
from harness.model.steps import Exchange, Outcome, Step
from harness.model.views import View
from tests.support.model_taker import ModelTaker


class Wrong(ModelTaker):
    """A driver that differs on every BC_ACQUIRE, and counts the steps since."""

    def __init__(self) -> None:
        super().__init__()
        self.since = -1
        self.interrupted_after = 1 << 30

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        if self.since >= 0:
            self.since += 1
        if self.since == self.interrupted_after:
            raise KeyboardInterrupt
        outcome, view = super().take(step, expected, allowed)
        if isinstance(step, Exchange) and any(isinstance(each, Acquire) for each in step.commands):
            self.since = max(self.since, 0)
            return Outcome(-5), view
        return outcome, view


def test_an_interruption_while_a_program_is_shrunk_ends_the_search_at_once() -> None:
    wrong = Wrong()
    wrong.interrupted_after = 3
    search = Search(wrong, limits=Limits(steps=2000))
    with pytest.raises(KeyboardInterrupt):
        search.run(("refcounts",), seed=3)
    assert wrong.since == 3, "no further step is taken"
    assert search.disagreement is not None
    assert "BC_ACQUIRE" not in str(search.disagreement), "Python, not the kernel's names"
    assert "Acquire(" in str(search.disagreement)


def test_shrinking_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SHRINKING_SECONDS", 0)
    monkeypatch.setattr(searching, "SHORTENING_SECONDS", 0)
    wrong = Wrong()
    search = Search(wrong, limits=Limits(steps=2000))
    search.run(("refcounts",), seed=3)
    assert search.disagreement is not None
    assert wrong.since <= 1


def test_what_hypothesis_leaves_is_shortened_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SHRINKING_SECONDS", 0)
    search = Search(Wrong(), limits=Limits(steps=2000))
    search.run(("refcounts",), seed=3)
    assert search.disagreement is not None
    *opened, last = search.disagreement.program
    assert len(opened) <= 1
    assert isinstance(last, Exchange)
    assert [type(each) for each in last.commands] == [Acquire]


class Panics(ModelTaker):
    """A device whose kernel panics at a command."""

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        if isinstance(step, Exchange) and Acquire(7) in step.commands:
            raise DeviceLostError("Kernel panic - not syncing: sysrq triggered crash")
        return super().take(step, expected, allowed)


def test_a_program_that_stops_the_device_is_shortened_on_fresh_ones() -> None:
    started = []

    @contextlib.contextmanager
    def fresh() -> Iterator[Sequence[Taker]]:
        started.append(Panics())
        yield [started[-1]]

    search = Search(Panics(), limits=Limits(steps=5000))
    with pytest.raises(DeviceLostError, match="sysrq"):
        search.run(tuple(RULES), seed=1)
    assert len(search.unfinished) > len(START)
    found = shortest(search.unfinished, partial(stops_device, fresh), Deadline(20))
    *opened, last = found
    assert len(opened) == 1
    assert isinstance(last, Exchange)
    assert last.commands == (Acquire(7),)
    assert len(started) > 1
