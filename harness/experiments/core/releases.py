"""What is known of statements that came true, or stopped being so, with a release of the kernel."""

from __future__ import annotations

from harness.experiments.core.claim import Expectation, Verdict


def true_before(*release: int) -> Expectation:
    """Confirmed on kernels before `release` (its numbers: 5, 1), refuted from it on."""
    name = ".".join(map(str, release))
    return Expectation(
        f"confirmed before Linux {name}, refuted since",
        lambda facts: Verdict.CONFIRMED if facts.kernel_version < release else Verdict.REFUTED,
    )
