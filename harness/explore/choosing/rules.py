"""What a random program does next: each rule picks a step from the model's state."""

from __future__ import annotations

from collections.abc import Callable

from harness.binder.abi.uapi import BinderIoctl
from harness.explore.choosing.keeping import deaths, freezing, refcounts
from harness.explore.choosing.picking import (
    Pick,
    cookie_of,
)
from harness.explore.choosing.processes import controls, exits, loopers, opening, reads
from harness.explore.choosing.sending import buffers, calls, mistakes, oneway
from harness.explore.choosing.waiting import waiting
from harness.model.steps import (
    Control,
    Open,
    Step,
)
from harness.model.world import World

Rule = Callable[[Pick, World], Step | None]
"""The next step; None where the state has nothing for it."""


RULES: dict[str, Rule] = {
    each.__name__: each
    for each in (
        calls,
        reads,
        buffers,
        refcounts,
        oneway,
        deaths,
        loopers,
        opening,
        exits,
        controls,
        freezing,
        mistakes,
        waiting,
    )
}
WEIGHTS = {
    "calls": 4,
    "reads": 4,
    "oneway": 2,
    "buffers": 3,
    "refcounts": 2,
    "deaths": 2,
    "freezing": 2,
    "opening": 3,
}
"""How often a rule is taken, where not once."""

ALWAYS = ("opening", "reads")
"""Rules without which the others do nothing."""
START: tuple[Step, ...] = (
    Open(1, 8192),
    Open(2),
    Open(3),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, (0x10, cookie_of(1, 0x10), 0x100)),
)
"""What every program begins with: three processes, and a context manager."""


def next_step(name: str, pick: Pick, world: World) -> Step | None:
    """What a rule makes of a state; while threads wait, all that is done is about them."""
    return RULES["waiting" if world.waits else name](pick, world)
