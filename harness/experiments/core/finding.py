"""A finding: the verdict on a claim, one sentence, and the figures that the sentence states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.experiments.core.figure import Figure, names_in


class Verdict(StrEnum):
    """The outcome of a claim on a device."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    CONDITIONAL = "conditional"
    """Partly true: the claim's `what_is_true` says where it holds."""
    NOT_TESTABLE = "not testable here"
    """The device lacks what the experiment needs; the reason says what, and which devices have it."""
    LOST = "lost"
    """The device was lost to the experiment, or during it."""
    ERROR = "error"
    """The experiment broke off by a mistake in it; nothing follows for the claim."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a verdict function.

    `sentence` is a template that names figures in braces: "the second mmap: {second}". A figure stands there
    with its unit. ValueError for a name without a figure, which is a mistake in the source.
    """

    verdict: Verdict
    sentence: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    reason: str = ""
    """Of what is not testable: why, and where it can be tested."""

    def __post_init__(self) -> None:
        unknown = [name for name in names_in(self.sentence) if name not in self.figures]
        if unknown:
            absent = ", ".join(unknown)
            raise ValueError(f"the sentence {self.sentence!r} names figures that are not there: {absent}")

    @classmethod
    def whether(cls, holds: bool, sentence: str, /, **figures: Figure) -> Finding:
        """Confirmed where the statement holds, else refuted."""
        return cls(Verdict.CONFIRMED if holds else Verdict.REFUTED, sentence, figures)

    @classmethod
    def in_cases(cls, cases: Iterable[bool], sentence: str, /, **figures: Figure) -> Finding:
        """Confirmed where the statement holds in all cases, conditional where in some, else refuted."""
        held = set(cases)
        if len(held) > 1:
            return cls(Verdict.CONDITIONAL, sentence, figures)
        return cls.whether(True in held, sentence, **figures)

    @classmethod
    def not_testable(cls, reason: str) -> Finding:
        """What was measured decides nothing on this device."""
        return cls(Verdict.NOT_TESTABLE, reason=reason)
