"""What `android=user` and `android=userdebug` mean for the rest of a target."""

from __future__ import annotations

import pytest

from emulator.base.errors import UsageError
from emulator.embedded.strict import build_type, option
from emulator.target import parse_target


def test_a_device_is_open_unless_it_is_asked_to_be_strict() -> None:
    target = parse_target("embedded")
    assert build_type(target) is None
    assert (option(target, "kernel"), option(target, "managers")) == ("6.12", "binder")


@pytest.mark.parametrize("build", ["user", "userdebug"])
def test_a_strict_device_has_binderfs_and_all_managers(build: str) -> None:
    target = parse_target(f"embedded?android={build}")
    assert build_type(target) == build
    assert (option(target, "kernel"), option(target, "managers")) == ("debian-source", "all")
    assert option(target, "memory") == "512"


def test_what_is_given_holds() -> None:
    assert option(parse_target("embedded?android=user&managers=binder"), "managers") == "binder"


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ("kernel=6.12", "no binderfs"),
        ("kernel=6.1&arch=arm64", "no binderfs"),
        ("arch=arm64", "for x86_64 with pages of 4 KiB alone.*, or give kernel=PATH"),
        ("userland=none", "android=… implies"),
    ],
)
def test_what_it_cannot_have_is_refused(options: str, advice: str) -> None:
    with pytest.raises(UsageError, match=advice):
        parse_target(f"embedded?android=user&{options}")
