"""The two generations of Android's service manager: their names, expectations and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Protocol, TypeVar

from harness.device.facts import Facts
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure, fill
from harness.experiments.core.finding import Verdict

FIRST_ON_LIBBINDER = 30
"""The API level of Android 11."""


class Generation(StrEnum):
    """Which of the two programs a service manager is; the value is a part of figures' names."""

    IN_C = "in_c"
    ON_LIBBINDER = "on_libbinder"

    @property
    def in_words(self) -> str:
        """As a sentence names it."""
        return _IN_WORDS[self]


_IN_WORDS = {
    Generation.IN_C: "in C, to Android 10",
    Generation.ON_LIBBINDER: "on libbinder, from Android 11 on",
}


class OfGeneration(Protocol):
    """What was measured at one service manager."""

    @property
    def generation(self) -> Generation:
        """Of the service manager."""


OfGenerationT = TypeVar("OfGenerationT", bound=OfGeneration)


def for_each_generation(
    measured: Iterable[OfGenerationT],
    describe: Callable[[OfGenerationT], tuple[str, Mapping[str, Figure]]],
) -> tuple[str, dict[str, Figure]]:
    """A sentence over all generations and its figures, from what `describe` gives for one of them.

    A figure `handle` becomes `handle.in_c` or `handle.on_libbinder`, in the sentence too.
    """
    sentences = []
    figures: dict[str, Figure] = {}
    for found in measured:
        sentence, own = describe(found)
        names = {name: f"{name}.{found.generation}" for name in own}
        places = {name: f"{{{full_name}}}" for name, full_name in names.items()}
        sentences.append(f"{found.generation.in_words}: {fill(sentence, places)}")
        figures |= {names[name]: figure for name, figure in own.items()}
    return "; ".join(sentences), figures


def _holds_in_c(facts: Facts) -> Verdict:
    if facts.api_level is None:  # no Android: there are both
        return Verdict.CONDITIONAL
    return Verdict.CONFIRMED if facts.api_level < FIRST_ON_LIBBINDER else Verdict.REFUTED


HOLDS_IN_C = Expectation(
    "holds for the service manager in C, to Android 10, and not for its successor on libbinder", _holds_in_c
)
