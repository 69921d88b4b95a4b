"""The search for the largest accepted size, against given limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.instruments.largest import largest_accepted


@given(
    limit=st.integers(0, 5_000_000),
    low=st.integers(0, 100),
    high=st.integers(100, 9_000_000),
    step=st.integers(1, 64),
)
def test_the_largest_accepted_size_is_found_in_few_tries(limit: int, low: int, high: int, step: int) -> None:
    tried: list[int] = []

    def accepts(size: int) -> bool:
        tried.append(size)
        return size <= limit

    found = largest_accepted(accepts, low=low, high=high, step=step)
    assert (found - low) % step == 0
    assert low <= found <= high
    assert found == low or found <= limit
    assert found + step > min(limit, high)
    assert len(tried) <= ((high - low) // step + 1).bit_length()


def test_what_is_never_refused_is_as_large_as_the_upper_end() -> None:
    assert largest_accepted(lambda _: True, high=8) == 8
    assert largest_accepted(lambda _: True, low=1, high=10, step=4) == 9
