"""Where the sources of each generation of AOSP's user space come from, and how they are laid out."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from emulator.base.errors import SetupError, UsageError
from emulator.build import sources
from emulator.build.generation import GENERATIONS, Generation, SourcePackage
from emulator.build.sources import IN_C, source_package, unpacked_sources
from emulator.build.userland import AOSP, recipe_of
from emulator.target import parse_target

TOOLS = SourcePackage("tools", patched=False)
NATIVE = SourcePackage("native", patched=False)
IN_TRIXIE = SourcePackage("some-tools", suites=("trixie",), patched=False)


def tarball(directory: Path, files: Mapping[str, str]) -> None:
    directory.mkdir()
    with tarfile.open(directory / "x_1.orig.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            file = directory / "content"
            file.write_text(text)
            archive.add(file, name)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two source packages in the place of Debian's, one of which has a whole tree, one frameworks/native."""
    tarball(tmp_path / "tools", {"system/core/a": "tools", "frameworks/native/libs/b": "tools"})
    tarball(tmp_path / "native", {"libs/b": "native", "cmds/servicemanager/c": "in C", "cmds/other": ""})
    monkeypatch.setattr(sources, "NATIVE_10", NATIVE)
    monkeypatch.setattr(sources, "source_package", lambda package: tmp_path / package.name)


@pytest.mark.usefixtures("packages")
def test_what_a_package_lacks_another_one_has() -> None:
    with unpacked_sources(Generation(10, TOOLS, native=NATIVE)) as source:
        assert (source / "system/core/a").read_text() == "tools"
        assert (source / "frameworks/native/libs/b").read_text() == "native"
        assert not source.with_name(IN_C).exists()
    assert not source.exists()


@pytest.mark.usefixtures("packages")
def test_the_service_manager_in_c_is_beside_the_sources_of_later_generations() -> None:
    with unpacked_sources(Generation(11, TOOLS)) as source:
        assert (source / "frameworks/native/libs/b").read_text() == "tools"
        assert (source.with_name(IN_C) / "cmds/servicemanager/c").read_text() == "in C"
        assert not (source.with_name(IN_C) / "cmds/other").exists()


@pytest.mark.parametrize("generation", GENERATIONS.values(), ids=str)
def test_a_generation_is_built_by_what_all_share_and_by_its_own_part_of_the_recipe(
    generation: Generation,
) -> None:
    names = {path.name for path in recipe_of(generation)}
    assert {"CMakeLists.txt", "include", f"android_{generation.number}"} <= names
    assert not names & {f"android_{other}" for other in GENERATIONS.keys() - {generation.number}}
    assert (AOSP / f"android_{generation.number}" / "libraries.cmake").is_file()


def test_a_suite_without_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "version_in", lambda *_, **__: None)
    with pytest.raises(SetupError, match="Debian's trixie has no source package some-tools on this machine"):
        source_package(IN_TRIXIE)


def test_a_suite_s_sources_are_taken_from_that_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Index:
        def download_tarball(self, source: str, target: Path) -> None:
            asked.append(source)
            (target / "x.orig.tar.gz").touch()

    @contextlib.contextmanager
    def package_index(**options: object) -> Iterator[Index]:
        asked.append(options)
        yield Index()

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(sources, "version_in", lambda *_, **__: "2.0")
    monkeypatch.setattr(sources, "package_index", package_index)
    assert [file.name for file in source_package(IN_TRIXIE).glob("*.tar.gz")] == ["x.orig.tar.gz"]
    assert asked == [{"suites": ("trixie",), "of_sources": True}, "some-tools=2.0"]


def test_a_generation_that_is_not_built_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"userland of embedded takes 10, 11.* or none, not '9'"):
        parse_target("embedded?userland=9")
