"""All probes: importing this module declares them."""

from __future__ import annotations

from dataclasses import replace

from harness.experiments.probes import (
    buffers,
    freezing,
    ioctls,
    loopers,
    objects_sent,
    operations,
    references,
    reported,
    shown,
    transactions,
)
from harness.experiments.probes.probe import PROBES, Probe

MODULES = (
    ioctls,
    operations,
    transactions,
    buffers,
    objects_sent,
    references,
    loopers,
    freezing,
    shown,
    reported,
)
"""In the order in which pages show them."""


def catalogue() -> tuple[Probe, ...]:
    """All probes, module by module; a question that begins with `And` has the one before it in front."""
    order = {module.__name__: position for position, module in enumerate(MODULES)}
    probes, subject = [], ""
    for each in sorted(PROBES.values(), key=lambda each: order[each.ask.__module__]):
        if each.question.startswith("And "):
            probes.append(replace(each, question=f"{subject} {each.question}"))
        else:
            subject = each.question
            probes.append(each)
    return tuple(probes)
