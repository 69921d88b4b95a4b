"""Which release a device's framework is of."""

from __future__ import annotations

import dataclasses

import pytest

from harness.framework.dialect import android_release
from tests.support.fake_device import FACTS


@pytest.mark.parametrize(
    ("printed", "release"), [("14", 14), ("4.4.4", 4), ("12L", 12), ("UpsideDownCake", None), (None, None)]
)
def test_the_release_is_the_number_that_the_property_begins_with(
    printed: str | None, release: int | None
) -> None:
    assert android_release(dataclasses.replace(FACTS, android_release=printed)) == release
