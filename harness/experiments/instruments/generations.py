"""What is known of statements that hold for one generation of service manager, and not for the other."""

from __future__ import annotations

from collections.abc import Collection

from harness.device.facts import Facts
from harness.experiments.core.claim import Expectation, Verdict

FIRST_ON_LIBBINDER = 30
"""The API level of Android 11."""


def some_hold(cases: Collection[bool]) -> Verdict:
    """The verdict on a statement that holds in all cases, in some, or in none."""
    if all(cases):
        return Verdict.CONFIRMED
    return Verdict.CONDITIONAL if any(cases) else Verdict.REFUTED


def _holds_in_c(facts: Facts) -> Verdict:
    if facts.api_level is None:  # no Android: there are both
        return Verdict.CONDITIONAL
    return Verdict.CONFIRMED if facts.api_level < FIRST_ON_LIBBINDER else Verdict.REFUTED


HOLDS_IN_C = Expectation(
    "holds for the service manager in C, to Android 10, and not for its successor on libbinder", _holds_in_c
)
