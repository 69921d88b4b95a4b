"""Finds the largest size that is accepted, which many experiments measure."""

from __future__ import annotations

from collections.abc import Callable


def largest_accepted(accepts: Callable[[int], bool], *, high: int, low: int = 0, step: int = 1) -> int:
    """The largest accepted size among `low`, `low + step`, … up to `high`, found by bisection.

    `low` is assumed to be accepted and not tried. Sizes must be accepted up to some limit and refused beyond.
    """
    accepted, refused = 0, (high - low) // step + 1
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if accepts(low + middle * step):
            accepted = middle
        else:
            refused = middle
    return low + accepted * step
