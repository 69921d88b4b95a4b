"""Which build `get cuttlefish` fetches."""

from __future__ import annotations

import pytest

from emulator.base.errors import SetupError, UsageError
from emulator.kinds.cuttlefish.fetch import fetch_cuttlefish, whole_build
from tests.unit.emulator.kinds.host_double import Prints


def test_a_branch_gets_the_phone_of_the_machine() -> None:
    assert whole_build("aosp-main", "x86_64") == "aosp-main/aosp_cf_x86_64_only_phone-userdebug"
    assert whole_build("aosp-main", "aarch64") == "aosp-main/aosp_cf_arm64_only_phone-userdebug"
    assert whole_build("12345/aosp_cf_arm64_phone-user", "x86_64") == "12345/aosp_cf_arm64_phone-user"
    with pytest.raises(
        SetupError, match="no Cuttlefish phone for riscv64: name a target, with --build main/"
    ):
        whole_build("main", "riscv64")


@pytest.mark.parametrize("build", ["a/b/c", "a b", "x;y", "a/", "{x}"])
def test_what_is_no_build_reaches_no_program(build: str) -> None:
    host = Prints("", programs=["cvd"])
    with pytest.raises(UsageError, match="BRANCH, BRANCH/TARGET or ID/TARGET"):
        fetch_cuttlefish(host, build)
    assert not host.commands


def test_a_relative_directory_is_refused() -> None:
    with pytest.raises(UsageError, match="absolute path, not 'here'"):
        fetch_cuttlefish(Prints("", programs=["cvd"]), "", "here")


def test_without_cvd_the_package_is_named() -> None:
    with pytest.raises(SetupError, match=r"no cvd on the PATH\. Install Google's package cuttlefish-base"):
        fetch_cuttlefish(Prints(""))
