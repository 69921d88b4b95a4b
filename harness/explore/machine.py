"""hypothesis' state machine whose rules are those of `rules`, and which shrinks what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from harness.explore.comparison import Together
from harness.explore.rules import RULES, START, WEIGHTS, Rule
from harness.model.steps import Step

Item = TypeVar("Item")

STEPS = 40
"""Steps of one program, after those that it begins with."""


class FromHypothesis:
    """Choices that hypothesis makes, remembers and shrinks: towards the first option."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def one(self, options: Sequence[Item]) -> Item:
        """One of these."""
        return options[0] if len(options) == 1 else self._data.draw(st.sampled_from(options))


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
            setattr(Program, f"{name}_{number}", rule(data=st.data())(_method(session, RULES[name])))
    return Program


def _method(session: Session, chosen: Rule) -> Callable[..., None]:
    def method(self: Any, data: st.DataObject) -> None:
        step = chosen(FromHypothesis(data), self.comparison.worlds.likely)
        if step is not None:
            session.take(self.comparison, step)

    method.__name__ = chosen.__name__
    return method
