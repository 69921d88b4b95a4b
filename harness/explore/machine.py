"""hypothesis' state machine whose rules are those of `rules`, and which shrinks what differs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from harness.explore.choosing.processes import in_the_pool
from harness.explore.choosing.rules import START, WEIGHTS, next_step
from harness.explore.comparison import Together
from harness.model.steps import Exchange, Step

Item = TypeVar("Item")

STEPS = 40
"""Steps of one program, after those that it begins with."""


class FromHypothesis:
    """Choices that hypothesis makes, remembers and shrinks: towards the first option."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def one(self, options: Sequence[Item]) -> Item:
        """One of these."""
        return options[0] if len(options) == 1 else options[self._draw(_below(len(options)))]


@functools.cache
def _below(count: int) -> st.SearchStrategy[int]:
    """An index; made once for each count, since that takes longer than to draw from it."""
    return st.integers(0, count - 1)


@st.composite
def _next_step(draw: st.DrawFn, name: str) -> Step | None:
    """What a rule makes of the state that the program has reached."""
    comparison: Together = draw(st.runner()).comparison
    step = next_step(name, FromHypothesis(draw), comparison.worlds.likely)
    if comparison.joins_pool_first and isinstance(step, Exchange):
        return in_the_pool(step, comparison.worlds.likely)
    return step


class Session(Protocol):
    """What the programs of a search share: where they run, and when they are to end."""

    def begin(self) -> Together:
        """A new program."""
        ...

    def take(self, comparison: Together, step: Step) -> None:
        """Take a step of it, unless the search is over."""
        ...

    def end(self) -> None:
        """The program is over."""
        ...


def run_programs(
    session: Session,
    names: Sequence[str],
    *,
    programs: int,
    seed: int,
    database: ExampleDatabase | None,
    steps: int = STEPS,
) -> None:
    """Run so many programs of these rules; raises the error of the shortest that fails."""
    machine = seeded(seed)(_machine(session, names))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=programs,
            stateful_step_count=steps,
            database=database,
            deadline=None,
            phases=(Phase.reuse, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            print_blob=False,
        ),
    )


def _machine(session: Session, names: Sequence[str]) -> type[RuleBasedStateMachine]:
    """The state machine with these rules."""

    class Program(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.comparison = session.begin()

        @initialize()
        def start(self) -> None:
            for step in START:
                session.take(self.comparison, step)

        def teardown(self) -> None:
            session.end()

    for name in names:
        for number in range(WEIGHTS.get(name, 1)):
            setattr(Program, f"{name}_{number}", rule(step=_next_step(name))(_method(session, name)))
    return Program


def _method(session: Session, name: str) -> Callable[..., None]:
    def method(self: Any, step: Step | None) -> None:
        if step is not None and not self.comparison.is_over:
            session.take(self.comparison, step)

    method.__name__ = name
    return method
