"""Which names a service may have, by the generation that keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.binder.services.service import check_name
from harness.binder.services.wire import ANDROID_10, ANDROID_11, ANDROID_16, Dialect

SINCE_11 = st.from_regex(r"[A-Za-z0-9_./-]{1,127}", fullmatch=True)


@given(SINCE_11, st.sampled_from([ANDROID_10, ANDROID_11, ANDROID_16]))
def test_plain_names_are_accepted_everywhere(name: str, dialect: Dialect) -> None:
    check_name(name, dialect)


@pytest.mark.parametrize("name", ["ümlaut", "bad name", "tab\t", "null\0", "line\n", "🦊"])
def test_since_android_11_only_some_characters_are(name: str) -> None:
    check_name(name, ANDROID_10)
    with pytest.raises(UsageError, match=r"of Android 11: a name has 1 to 127 of A-Z"):
        check_name(name, ANDROID_11)


@pytest.mark.parametrize("name", ["", "x" * 128, "🦊" * 64])
@pytest.mark.parametrize("dialect", [ANDROID_10, ANDROID_16])
def test_no_generation_takes_an_empty_name_or_a_long_one(name: str, dialect: Dialect) -> None:
    with pytest.raises(UsageError, match="a name has 1 to 127"):
        check_name(name, dialect)
