"""Quantiles of many durations in little memory."""

from __future__ import annotations

import math
from collections import Counter

RATIO = 1.02
"""How much larger each bucket's bound is than the one before."""
SMALLEST = 1e-9
"""Seconds: shorter durations count as this."""


class Histogram:
    """Durations in buckets of a constant ratio: a quantile is within 1 % of the true one.

    Some 1,500 buckets hold everything from a nanosecond to an hour.
    """

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.largest = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._buckets[math.ceil(math.log(max(seconds, SMALLEST) / SMALLEST, RATIO))] += 1
        self.count += 1
        self.largest = max(self.largest, seconds)

    def add_all(self, other: Histogram) -> None:
        """Count what another one has counted."""
        self._buckets += other._buckets
        self.count += other.count
        self.largest = max(self.largest, other.largest)

    def quantile(self, share: float) -> float | None:
        """The duration that this share of all, from 0 to 1, does not exceed; None if there are none."""
        if not self.count:
            return None
        rank = max(1, math.ceil(share * self.count))
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                upper = SMALLEST * RATIO**bucket
                return min(2 * upper / (1 + RATIO), self.largest)
        return self.largest
