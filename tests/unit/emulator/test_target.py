from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from emulator.target import explain_targets, kinds, offers, parse_target


def test_a_bare_kind_has_its_defaults() -> None:
    target = parse_target("embedded")
    assert str(target) == "embedded"
    assert target.option("memory") == "512"


def test_options_are_taken_and_written_back() -> None:
    target = parse_target("embedded?memory=1024&processors=4")
    assert target.option("processors") == "4"
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("embeded", r"Did you mean embedded\?"),
        ("", r"no target ''\. Targets: embedded, adb\[:SERIAL\], avd:NAME, cuttlefish\[:N\], image:FILE"),
        ("phone", "lists those of this machine, and their options"),
        ("embedded?drver=rust", r"no option 'drver'\. Did you mean driver\? Valid"),
        (
            "embedded?ram=1",
            "Valid options: kernel, driver, append, arch, pages, userland, java, managers, ",
        ),
        ("embedded?memory=lots", "192 to 65536"),
        ("embedded?memory=512&memory=1024", "memory of embedded is given twice"),
        ("embedded?memory=1", "192 to 65536"),
        ("embedded?acceleration=hvf", "auto, kvm or tcg"),
        ("embedded:one", "takes no name"),
        ("adb:", "write adb:SERIAL"),
        ("adb:phone?root=yes", "allowed or refused"),
    ],
)
def test_what_is_not_valid_is_answered_with_what_is(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_target(text)


@given(st.text())
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert str(parse_target(text)).startswith(parse_target(text).kind.name)


def test_a_name_follows_a_colon_and_may_hold_more_of_them() -> None:
    target = parse_target("adb:127.0.0.1:5555?root=allowed")
    assert (target.name, target.option("root")) == ("127.0.0.1:5555", "allowed")
    assert str(target) == "adb:127.0.0.1:5555?root=allowed"


def test_every_kind_is_explained_and_offered() -> None:
    explained = explain_targets()
    offered = {offer.target.partition(":")[0] for offer in offers()}
    for kind in kinds():
        assert f"  {kind.name}" in explained
        assert kind.name in offered


def test_the_example_of_a_description_fits_into_80_columns() -> None:
    example = [line for line in explain_targets().splitlines() if line.startswith(" " * 6)]
    assert len(example) > 10
    assert max(map(len, example)) <= 80


def test_a_value_may_hold_what_separates_options(tmp_path: Path) -> None:
    kernel = tmp_path / "R&D 100%"
    kernel.touch()
    target = parse_target(f"embedded?memory=512&kernel={tmp_path}/R%26D 100%25")
    assert target.option("kernel") == str(kernel)
    assert parse_target(str(target)) == target


def test_an_option_is_added_and_checked() -> None:
    target = parse_target("adb:phone").with_option("root", "allowed")
    assert target == parse_target("adb:phone?root=allowed")
    assert parse_target("embedded?memory=512").with_option("start", "cold").option("start") == "cold"
    with pytest.raises(UsageError, match="allowed or refused"):
        parse_target("adb:phone").with_option("root", "yes")
    with pytest.raises(UsageError, match="root of adb is given twice"):
        target.with_option("root", "allowed")
