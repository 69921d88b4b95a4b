from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import UsageError
from emulator.target import parse_target


def test_a_bare_kind_has_its_defaults() -> None:
    target = parse_target("embedded")
    assert str(target) == "embedded"
    assert target.option("memory") == "512"


def test_options_are_taken_and_written_back() -> None:
    target = parse_target("embedded?memory=1024&processors=4")
    assert target.option("processors") == "4"
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("embeded", r"Did you mean embedded\?"),
        ("", "Valid targets"),
        ("phone", r"embedded\?memory="),
        ("embedded?ram=1", "Valid options: userland, memory, processors, acceleration"),
        ("embedded?memory=lots", "192 to 65536"),
        ("embedded?memory=1", "192 to 65536"),
        ("embedded?acceleration=hvf", "auto, kvm or tcg"),
    ],
)
def test_what_is_not_valid_is_answered_with_what_is(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_target(text)


@given(st.text())
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_target(text).kind.name == "embedded"
