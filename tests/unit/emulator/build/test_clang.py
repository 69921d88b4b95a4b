from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, LINKER_FLAGS, X86_64, Architecture
from emulator.base.errors import SetupError
from emulator.base.prerequisites import LIBRARIES
from emulator.build import clang

NATIVE, FOREIGN = (X86_64, AARCH64) if X86_64.native else (AARCH64, X86_64)


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What was unpacked, and for which architecture: of packages that are in no index."""
    done: list[tuple[object, ...]] = []

    def unpack(_record: str, packages: Sequence[str], _directory: Path, architecture: Architecture) -> None:
        done.append((architecture, *packages))

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(clang, "unpack", unpack)
    monkeypatch.setattr(clang, "recorded_version", lambda *_: "libc6-dev=1 libcap-dev=2")
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    return done


def test_this_machines_own_architecture_needs_nothing_more(unpacked: list[tuple[object, ...]]) -> None:
    assert clang.clang("clang", NATIVE)[:2] == ("clang", *LINKER_FLAGS)
    assert clang.identity(NATIVE).startswith(f"{NATIVE.name} {LINKER_FLAGS[0]}")
    assert unpacked == []


def test_another_one_gets_its_libraries_once(unpacked: list[tuple[object, ...]]) -> None:
    command = clang.clang("clang++", FOREIGN)
    assert clang.clang("clang++", FOREIGN) == command
    assert command[:2] == ("clang++", f"--target={FOREIGN}-linux-gnu")
    assert unpacked == [(FOREIGN, "libc6-dev=1", "libcap-dev=2")]


def test_another_version_of_a_library_is_another_result(
    unpacked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = clang.identity(FOREIGN)
    monkeypatch.setattr(clang, "recorded_version", lambda *_: "libc6-dev=1 libcap-dev=3")
    assert clang.identity(FOREIGN) != before
    assert unpacked == [], "asking what a result depends on downloads nothing"


def test_another_library_is_not_taken_from_an_older_record(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def recorded_version(name: str, *_: object) -> str:
        asked.append(name)
        return "libc6-dev=1"

    monkeypatch.setattr(clang, "recorded_version", recorded_version)
    clang.identity(FOREIGN)
    assert {library.package for library in LIBRARIES} <= set(asked[0].split())


def test_a_shared_library_has_c_libraries_to_be_linked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    records: dict[str, list[str]] = {}

    class Index:
        def closure(self, packages: Sequence[str], _pattern: str) -> list[str]:
            return [*packages]

        def versions(self, packages: Sequence[str]) -> dict[str, str]:
            return dict.fromkeys(packages, "1")

    def recorded_version(name: str, find: Callable[[Index], str], _: Architecture) -> str:
        records[name] = find(Index()).split()
        return " ".join(records[name])

    monkeypatch.setattr(clang, "recorded_version", recorded_version)
    assert "-static" in clang.identity(FOREIGN).split()
    assert "-static" not in clang.identity(FOREIGN, shared=True).split()
    static, shared = records.values()
    assert {*shared} - {*static} == {"libc6=1", "libgcc-s1=1"}


@pytest.mark.usefixtures("unpacked")
def test_a_missing_linker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(SetupError, match=r"apt-get install .*lld"):
        clang.clang("clang", FOREIGN)
