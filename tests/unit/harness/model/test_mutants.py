"""Each mutant of the model is told from the model by random programs, within a stated number of steps."""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from harness.model.features import LINUX_6_1
from harness.model.steps import Outcome, Step
from harness.model.views import View
from harness.model.world import World, view_of
from tests.support.documentation import ROOT
from tests.support.model_taker import NAMES, random_program
from tests.unit.harness.model.mutants import MUTANTS, Mutant

PROGRAM_STEPS = 40
MOST_PROGRAMS = 150
"""Within 6,000 steps."""
TRIED = replace(LINUX_6_1, notifies_of_freezing=True)
"""A driver whose mistakes all show: one that counts the latest call as spam, and notifies of freezing."""
Recorded = list[tuple[Step, Outcome, View]]


def recorded(rules: tuple[str, ...], search: int = 0) -> Iterator[Recorded]:
    """Random programs of these rules, with what the model says of each step: most mutants need a few."""
    return (_record(1000 * search + number, rules) for number in range(MOST_PROGRAMS))


@functools.cache
def _record(seed: int, rules: tuple[str, ...]) -> Recorded:
    world = World(TRIED)
    names = [name for name in NAMES if name in rules]
    steps = [step for step, _ in random_program(seed, PROGRAM_STEPS, names)]
    return [(step, world.apply(step), view_of(world)) for step in steps]


def steps_to_catch(mutant: Mutant, programs: Iterable[Recorded]) -> int | None:
    """How many steps it takes until the mutant differs; None where it never does."""
    taken = 0
    for program in programs:  # each is recorded here, by the model as it is
        agreed = _steps_in_agreement(mutant, program)
        if agreed < len(program):
            return taken + agreed + 1
        taken += agreed
    return None


def _steps_in_agreement(mutant: Mutant, program: Recorded) -> int:
    world = World(TRIED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutant.owner, mutant.attribute, mutant.bend(getattr(mutant.owner, mutant.attribute)))
        for taken, (step, outcome, shown) in enumerate(program):
            with contextlib.suppress(Exception):  # a broken state is no agreement, either
                if (world.apply(step), view_of(world)) == (outcome, shown):
                    continue
            return taken
    return len(program)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    assert steps_to_catch(mutant, recorded(mutant.rules)) is not None


def test_the_unbent_model_is_not_caught() -> None:
    unbent = Mutant("nothing bent", MUTANTS[0].owner, MUTANTS[0].attribute, lambda right: right)
    assert steps_to_catch(unbent, itertools.islice(recorded(unbent.rules), 20)) is None


def test_the_page_has_a_row_for_each_mutant() -> None:
    text = (ROOT / "docs/model.md").read_text().partition("| mutant | steps |")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (.+) \| \d+ \|$", text, re.MULTILINE) == [each.name for each in MUTANTS]


def median_steps(mutant: Mutant, searches: int = 15) -> float:
    """The median over searches that begin with other programs; infinite where most never catch it."""
    found = [steps_to_catch(mutant, recorded(mutant.rules, search)) for search in range(1, searches + 1)]
    return statistics.median(float("inf") if steps is None else steps for steps in found)
