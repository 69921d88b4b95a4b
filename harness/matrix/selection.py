"""What is to be judged: the claims, and what a process that judges them needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """The claims that a run judges, on each of its targets."""

    claims: Sequence[str]
    """Their ids."""
    sources: Sequence[str] = ()
    """Of claims from elsewhere, as `load_claims` returns them: files, by absolute path, and packages."""
    java: bool = False
    """Whether AOSP's Java is put on a device for the claims that need it."""
    time_limit: str | None = None
    """Seconds that one claim may take; None for the claim's own limit."""

    @property
    def options(self) -> list[str]:
        """The options of `verify` in a process that judges for another."""
        options = ["--java" if self.java else "--no-java", *(f"--claims={each}" for each in self.sources)]
        return options if self.time_limit is None else [*options, f"--time-limit={self.time_limit}"]
