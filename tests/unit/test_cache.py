from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from io import BufferedReader
from pathlib import Path

import pytest

from emulator import cache
from emulator.errors import SetupError


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_entry_is_built_once_and_then_found() -> None:
    builds = []

    def build(target: Path) -> None:
        builds.append(target)
        (target / "file").write_bytes(b"content")

    first = cache.entry("thing", "a" * 64, build)
    assert cache.entry("thing", "a" * 64, build) == first
    assert (first / "file").read_bytes() == b"content"
    assert len(builds) == 1


def test_another_key_is_another_entry() -> None:
    def build(target: Path) -> None:
        (target / "file").touch()

    assert cache.entry("thing", "a" * 64, build) != cache.entry("thing", "b" * 64, build)


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "manifest"])
def test_a_damaged_entry_is_built_again(damage: str) -> None:
    def build(target: Path) -> None:
        (target / "file").write_bytes(b"whole")

    directory = cache.entry("thing", "a" * 64, build)
    if damage == "changed":
        (directory / "file").write_bytes(b"whale")
    elif damage == "removed":
        (directory / "file").unlink()
    elif damage == "added":
        (directory / "other").touch()
    else:
        (directory / cache.MANIFEST).write_text("{")
    cache.entry("thing", "a" * 64, build)
    assert (directory / "file").read_bytes() == b"whole"
    assert not (directory / "other").exists()


def test_a_file_that_has_not_changed_is_not_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(target: Path) -> None:
        (target / "file").write_bytes(b"content")

    hashed: list[str] = []
    file_digest = hashlib.file_digest

    def noted(file: BufferedReader, kind: str) -> object:
        hashed.append(file.name)
        return file_digest(file, kind)

    monkeypatch.setattr("hashlib.file_digest", noted)
    directory = cache.entry("thing", "a" * 64, build)
    cache.entry("thing", "a" * 64, build)  # the file may be as young as its hash
    hashed.clear()
    cache.entry("thing", "a" * 64, build)
    assert hashed == []
    (directory / "file").touch()
    cache.entry("thing", "a" * 64, build)
    assert hashed == [str(directory / "file")]


def test_the_entries_used_last_are_kept() -> None:
    def build(target: Path) -> None:
        (target / "file").touch()

    entries = [cache.entry("thing", letter * 64, build) for letter in "abc"]
    other = cache.entry("other", "a" * 64, build)
    for age, directory in enumerate(entries):
        os.utime(directory, (1000 - age, 1000 - age))
    cache.entry("thing", "c" * 64, build)
    cache.keep_newest("thing", 2)
    assert [directory.exists() for directory in (*entries, other)] == [True, False, True, True]


def test_a_failed_build_leaves_no_entry(root: Path) -> None:
    def fail(target: Path) -> None:
        (target / "file").write_bytes(b"half")
        raise SetupError("no network")

    with pytest.raises(SetupError, match="no network"):
        cache.entry("thing", "a" * 64, fail)
    assert not [path for path in root.iterdir() if path.is_dir()]


def test_a_killed_build_leaves_nothing_that_is_taken_for_an_entry() -> None:
    program = """
import os, signal
from emulator import cache
def build(target):
    (target / "file").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
cache.entry("thing", "a" * 64, build)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == -9

    def build(target: Path) -> None:
        assert not list(target.iterdir())
        (target / "file").write_bytes(b"whole")

    assert (cache.entry("thing", "a" * 64, build) / "file").read_bytes() == b"whole"


def test_two_runs_build_an_entry_once() -> None:
    building, finish = threading.Event(), threading.Event()
    builds = []

    def build(target: Path) -> None:
        builds.append(target)
        building.set()
        assert finish.wait(20)
        (target / "file").touch()

    threads = [threading.Thread(target=cache.entry, args=("thing", "a" * 64, build)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert building.wait(20)
    finish.set()
    for thread in threads:
        thread.join(20)
    assert len(builds) == 1


def test_a_fingerprint_depends_on_every_byte_and_on_where_parts_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one")
    before = cache.fingerprint(tmp_path)
    (tmp_path / "file").write_bytes(b"two")
    assert cache.fingerprint(tmp_path) != before
    assert cache.fingerprint("ab", "c") != cache.fingerprint("a", "bc")


def test_a_cache_that_cannot_be_made_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "occupied").touch()
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "occupied" / "cache"))
    with pytest.raises(SetupError, match="BINDER_HARNESS_CACHE"):
        cache.cache_root()
