from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.base import prerequisites
from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.prerequisites import PREREQUISITES, missing
from emulator.kinds import doctor

ROOT = Path(prerequisites.__file__).parents[2]


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(Path, "exists", lambda _: False)


def packages(architecture: Architecture) -> set[str]:
    return {prerequisite.package for prerequisite in missing(architecture)}


@pytest.mark.usefixtures("nothing_installed")
def test_each_architecture_has_its_own_emulator_and_needs_not_the_others() -> None:
    assert "qemu-system-x86" in packages(X86_64) - packages(AARCH64)
    assert "qemu-system-arm" in packages(AARCH64) - packages(X86_64)


@pytest.mark.usefixtures("nothing_installed")
def test_libraries_are_installed_for_this_machines_architecture_alone() -> None:
    native, foreign = (X86_64, AARCH64) if X86_64.native else (AARCH64, X86_64)
    assert {"g++", "libcap-dev", "libc++-dev", "libc++abi-dev"} <= packages(native)
    assert packages(foreign) - packages(native) >= {"lld"}
    assert not {"g++", "libcap-dev", "libc++-dev", "libc++abi-dev"} & packages(foreign)


def test_the_script_names_what_any_device_needs(tmp_path: Path) -> None:
    # A bare Python: no site packages, and no program on the PATH.
    printed = subprocess.run(
        [sys.executable, "-S", "-m", "emulator.base.prerequisites"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout.split()
    assert {known.package for known in PREREQUISITES if known.program} <= set(printed)


def test_needs_of_other_devices_only_are_shown_but_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = [
        dataclasses.replace(PREREQUISITES[0], program="no-such-program", architectures=(architecture,))
        for architecture in (X86_64, AARCH64)
    ]
    monkeypatch.setattr(prerequisites, "PREREQUISITES", absent)
    monkeypatch.setattr(doctor, "PREREQUISITES", absent)
    needed, other = doctor.checks()[:2]
    assert (needed.ok, other.ok) == (False, True)
    assert "apt-get install" in needed.fix
    assert "needed only for arm64 devices" in other.detail
    assert "apt-get install" in other.detail
