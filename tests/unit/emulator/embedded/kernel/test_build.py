"""The kernel that is built here: its configuration, and what the machine must have for it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.embedded.kernel.build import CONFIGURATION, lost_options
from emulator.embedded.kernel.debian_kernels import BUILT_HERE, SOURCE_PACKAGE
from emulator.embedded.kernel.find import find_kernel


def test_the_configuration_sets_each_option_once() -> None:
    lines = [line for line in CONFIGURATION.read_text().splitlines() if line]
    options = [re.fullmatch(r'(CONFIG_\w+)=(y|\d+|".*")', line) for line in lines if line[0] != "#"]
    names = [option[1] for option in options if option]
    assert len(names) == len(options), "make passes over a line that it cannot read"
    assert len(set(names)) == len(names)


def test_an_option_that_the_kernel_does_not_take_is_found() -> None:
    wanted = '# Binder\nCONFIG_ANDROID_BINDERFS=y\nCONFIG_NR_CPUS=64\nCONFIG_LSM="selinux"\n'
    result = 'CONFIG_LSM="selinux"\n# CONFIG_ANDROID_BINDERFS is not set\nCONFIG_NR_CPUS=8\n'
    assert lost_options(wanted, result) == ["CONFIG_ANDROID_BINDERFS=y", "CONFIG_NR_CPUS=64"]
    assert lost_options(wanted, wanted + result) == []


def test_what_a_build_lacks_is_named_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))  # without apt-get, too
    (tmp_path / "apt-amd64").mkdir()
    (tmp_path / "apt-amd64" / "versions.json").write_text(json.dumps({SOURCE_PACKAGE: "1"}))
    with pytest.raises(SetupError, match=r"apt-get install .*flex bison bc"):
        find_kernel(BUILT_HERE)
