"""The search for a limit, against receivers whose limit is known."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder import TransactionFailedError
from harness.binder.abi.uapi import BinderReturn
from harness.experiments.limits.size_limit import Limit, NeverRefusedError, find_limit

MAPPING = 1 << 20


def refusing(limit: int, error_number: int | None = errno.ENOSPC) -> list[int]:
    """A list that takes sizes up to a limit when they are appended."""

    class Receiver(list[int]):
        def append(self, size: int) -> None:
            super().append(size)
            if size > limit:
                raise TransactionFailedError(BinderReturn.BR_FAILED_REPLY, error_number, "no room")

    return Receiver()


@given(st.integers(0, MAPPING), st.integers(1, 64), st.integers(0, 24), st.sampled_from([errno.ENOSPC, None]))
def test_the_limit_is_exact_and_found_in_few_transactions(
    limit: int, beyond: int, low: int, error_number: int | None
) -> None:
    receiver = refusing(max(limit, low), error_number)
    high = max(limit, low) + beyond
    found = find_limit(receiver.append, low=low, high=high)
    assert found == Limit(max(limit, low), len(receiver), error_number)
    assert len(receiver) <= (high - low + 1).bit_length()


def test_what_is_never_refused_has_no_limit() -> None:
    with pytest.raises(NeverRefusedError, match="1,048,576 bytes"):
        find_limit(refusing(MAPPING).append, high=MAPPING)


def test_another_failure_is_no_limit() -> None:
    with pytest.raises(TransactionFailedError, match="EFAULT"):
        find_limit(refusing(10, errno.EFAULT).append, high=MAPPING)
