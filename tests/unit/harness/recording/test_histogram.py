from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recording.histogram import Histogram

DURATIONS = st.lists(st.floats(1e-9, 3600), min_size=1, max_size=200)


def histogram(values: list[float]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


@given(DURATIONS, st.floats(0, 1))
def test_a_quantile_is_near_the_true_one(values: list[float], share: float) -> None:
    true = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    assert histogram(values).quantile(share) == pytest.approx(true, rel=0.0101)


@given(DURATIONS, DURATIONS, st.floats(0, 1))
def test_two_together_are_as_one(first: list[float], second: list[float], share: float) -> None:
    together, one = histogram(first), histogram([*first, *second])
    together.add_all(histogram(second))
    assert together.quantile(share) == one.quantile(share)
    assert (together.count, together.largest) == (one.count, one.largest)


def test_nothing_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None


def test_no_duration_counts_as_the_smallest() -> None:
    assert histogram([0.0, -1.0]).quantile(1) == 0.0
