from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from emulator.build import compiler
from emulator.base.errors import SetupError

FOREIGN = "aarch64" if platform.machine() == "x86_64" else "x86_64"


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was unpacked, and for which architecture: of packages that are in no index."""
    done: list[tuple[str, ...]] = []

    def unpack(_record: str, packages: Sequence[str], _directory: Path, architecture: str) -> None:
        done.append((architecture, *packages))

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(compiler, "unpack", unpack)
    monkeypatch.setattr(compiler, "recorded_version", lambda *_: "libc6-dev=1 libcap-dev=2")
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    return done


def test_this_machines_own_architecture_needs_nothing_more(unpacked: list[tuple[str, ...]]) -> None:
    assert compiler.clang("clang", platform.machine()) == ("clang",)
    assert compiler.identity(platform.machine()) == platform.machine()
    assert unpacked == []


def test_another_one_gets_its_libraries_once(unpacked: list[tuple[str, ...]]) -> None:
    words = compiler.clang("clang++", FOREIGN)
    assert compiler.clang("clang++", FOREIGN) == words
    assert words[:2] == ("clang++", f"--target={FOREIGN}-linux-gnu")
    assert unpacked == [(FOREIGN, "libc6-dev=1", "libcap-dev=2")]


def test_another_version_of_a_library_is_another_result(
    unpacked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = compiler.identity(FOREIGN)
    monkeypatch.setattr(compiler, "recorded_version", lambda *_: "libc6-dev=1 libcap-dev=3")
    assert compiler.identity(FOREIGN) != before
    assert unpacked == [], "asking what a result depends on downloads nothing"


@pytest.mark.usefixtures("unpacked")
def test_a_missing_linker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(SetupError, match=r"apt-get install .*lld"):
        compiler.clang("clang", FOREIGN)
