"""A model in the place of the driver, and programs made for it at random."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from harness.explore.choosing.rules import RULES, START, WEIGHTS, next_step
from harness.model.features import LINUX_6_12, Features
from harness.model.steps import Outcome, Step
from harness.model.views import View
from harness.model.world import World, view_of

Item = TypeVar("Item")

NAMES = [name for name in RULES for _ in range(WEIGHTS.get(name, 1))]


class FromSeed:
    """Choices by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self, options: Sequence[Item]) -> Item:
        return self._random.choice(options)


class ModelTaker:
    """Takes steps in a model of its own, as a device does with its driver."""

    def __init__(self, features: Features = LINUX_6_12) -> None:
        self.features = features
        self.reset()

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:  # noqa: ARG002
        return self.world.apply(step), view_of(self.world)

    def reset(self) -> None:
        self.world = World(self.features)


def random_program(seed: int, steps: int = 40, names: Sequence[str] = NAMES) -> Iterator[tuple[Step, World]]:
    """Steps, each with the world in which it was chosen, before it is taken."""
    pick, world = FromSeed(seed), World()
    for step in START:
        yield step, world
        world.apply(step)
    for _ in range(steps):
        step_or_none = next_step(pick.one(names), pick, world)
        if step_or_none is not None:
            yield step_or_none, world
            world.apply(step_or_none)
