"""What is expected of a claim where that depends on the device: a predicate over facts, in words too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.device.facts import Facts
from harness.experiments.core.finding import Verdict


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected verdict as a function of a device's facts.

    `verdict` returns None for a device of which nothing is expected; any verdict is accepted there.
    """

    text: str
    verdict: Callable[[Facts], Verdict | None]


def true_before(*release: int) -> Expectation:
    """Confirmed on kernels before `release` (its numbers: 5, 1), refuted from it on."""
    name = ".".join(map(str, release))
    return Expectation(
        f"confirmed before Linux {name}, refuted since",
        lambda facts: Verdict.CONFIRMED if facts.kernel_version < release else Verdict.REFUTED,
    )
