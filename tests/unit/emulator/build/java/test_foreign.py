"""Which tools compile AOSP's Java, and what runs the programs of another architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.build.java import foreign, sources

OWN, FOREIGN = (X86_64, AARCH64) if X86_64.native else (AARCH64, X86_64)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache whose packages have two files: one named after themselves and their architecture, and QEMU."""

    def unpack(_record: str, packages: list[str], target: Path, architecture: Architecture) -> None:
        for package in packages:
            name, _, _ = package.partition("=")
            (target / "usr/bin").mkdir(parents=True, exist_ok=True)
            (target / f"{name}-{architecture}").write_text("")
            (target / f"usr/bin/qemu-{FOREIGN}-static").write_text(f"{package} for {architecture}")

    def recorded_version(name: str, _find: Callable[[object], str], _architecture: Architecture) -> str:
        return "1:7.2" if name == foreign.PACKAGE else name

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    for module in (foreign, sources):
        monkeypatch.setattr(module, "unpack", unpack)
        monkeypatch.setattr(module, "recorded_version", recorded_version)


def test_programs_of_this_machine_s_architecture_run_as_they_are() -> None:
    assert foreign.runs_here(OWN) == ()


def test_those_of_another_one_run_in_qemu_with_their_own_c_libraries() -> None:
    emulator, option, libraries = map(Path, foreign.runs_here(FOREIGN))
    assert emulator.read_text() == f"qemu-user-static=1:7.2 for {OWN}"
    assert {file.name for file in emulator.parent.iterdir()} == {emulator.name, "MANIFEST.json"}
    assert str(option) == "-L"
    assert (libraries / f"libc6-{FOREIGN}").exists()


def test_the_compiler_and_the_linker_are_this_machine_s() -> None:
    assert sources.own_jdk() == sources.jdk(OWN)
    assert sources.own_jdk() != sources.jdk(FOREIGN)
