from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from io import BufferedReader
from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.cache import store as cache
from emulator.cache.root import cache_root


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


def test_a_damaged_entry_is_held_until_it_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise another process that is removing it could remove its successor."""

    def build(target: Path) -> None:
        (target / "file").write_bytes(b"whole")

    def discard(directory: Path) -> None:
        assert cache.in_use(directory)
        discarded.append(directory)
        shutil.rmtree(directory)

    discarded: list[Path] = []
    directory = cache.entry("thing", "a" * 64, build)
    (directory / "file").unlink()
    monkeypatch.setattr(cache, "_discard", discard)
    cache.entry("thing", "a" * 64, build)
    assert discarded == [directory]
    assert cache.in_use(directory)


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


def as_if_by_another_process() -> None:
    """Release the entries that this process uses."""
    for entry in list(cache._held):
        cache._release(entry)


def touched(directory: Path, *, days_ago: float) -> Path:
    then = time.time() - days_ago * 24 * 60 * 60
    os.utime(directory, (then, then))
    return directory


def test_a_new_entry_removes_long_unused_ones_of_its_name(root: Path) -> None:
    def build(target: Path) -> None:
        (target / "file").touch()

    old = touched(cache.entry("linux-6.12.9-amd64", "a" * 64, build), days_ago=31)
    recent = touched(cache.entry("linux-6.12.9-amd64", "b" * 64, build), days_ago=29)
    others = [
        touched(cache.entry(name, "a" * 64, build), days_ago=31)
        for name in ("linux-6.12.9-arm64", "linux-6.12.9-amd64-source", "linux")
    ]
    as_if_by_another_process()
    new = cache.entry("linux-6.12.10-amd64", "c" * 64, build)
    assert not old.exists()
    assert all(directory.exists() for directory in (recent, *others, new))
    assert not [path for path in root.rglob("*") if old.name in path.name]


def test_only_so_many_of_a_name_stay_and_none_that_is_used_goes() -> None:
    def build(target: Path) -> None:
        (target / "file").touch()

    def of_age(number: int) -> Path:
        key = f"{number:02}" * 32
        return touched(cache.entry("thing", key, build), days_ago=number)

    first = [of_age(number) for number in range(1, cache.KEPT + 3)]
    assert all(directory.exists() for directory in first)
    as_if_by_another_process()
    used = first[-1]
    cache.entry("thing", used.name[-2:] * 32, build)
    touched(used, days_ago=29)
    cache.entry("thing", "f" * 64, build)
    assert [directory for directory in first if not directory.exists()] == first[cache.KEPT - 1 : -1]


def test_an_entry_that_a_running_process_uses_stays() -> None:
    program = """
import sys
from emulator.cache import store as cache
cache.entry("thing", "a" * 64, lambda target: (target / "file").touch())
print("asked", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"asked\n"
        used = cache_root() / f"thing-{'a' * 16}"
        cache.remove(used)
        assert cache.in_use(used)
        assert (used / "file").exists()
        other.kill()
        other.wait(20)
        assert not cache.in_use(used)
        cache.remove(used)
        assert not used.exists()


def test_an_entry_that_was_removed_is_built_again_and_held() -> None:
    def build(target: Path) -> None:
        (target / "file").touch()

    entry = cache.entry("thing", "a" * 64, build)
    shutil.rmtree(entry)
    assert cache.entry("thing", "a" * 64, build) == entry
    cache.remove(entry)
    assert (entry / "file").exists()


def test_an_entry_is_whole_whoever_removes_it_meanwhile() -> None:
    """Another process removes it, again and again, while this one gets and releases it."""
    program = """
import sys
from emulator.cache import store as cache
print("ready", flush=True)
while True:
    cache.remove(cache_root() / ("thing-" + "a" * 16))
"""

    def build(target: Path) -> None:
        for number in range(20):
            (target / f"file-{number}").touch()

    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"ready\n"
            for _ in range(100):
                found = cache.entry("thing", "a" * 64, build)
                assert len(list(found.iterdir())) == 20 + 1
                as_if_by_another_process()
        finally:
            other.kill()


def test_old_remains_of_a_killed_build_are_removed(root: Path) -> None:
    left_over, recent = root / f".other-{'a' * 16}.partial", root / ".build-of-another-run"
    for directory, age in ((left_over, 31), (recent, 1)):
        directory.mkdir(parents=True)
        (directory / "half").touch()
        touched(directory, days_ago=age)
    (root / ".record.json.123.partial").touch()
    left_file = touched(root / ".record.json.123.partial", days_ago=31)
    cache.entry("thing", "a" * 64, lambda target: (target / "file").touch())
    assert (left_over.exists(), left_file.exists(), recent.exists()) == (False, False, True)


def test_a_failed_build_leaves_no_entry(root: Path) -> None:
    def fail(target: Path) -> None:
        (target / "file").write_bytes(b"half")
        raise SetupError("no network")

    with pytest.raises(SetupError, match="no network"):
        cache.entry("thing", "a" * 64, fail)
    assert [path.name for path in root.iterdir()] == [cache.LOCKS]


def test_a_killed_build_leaves_nothing_that_is_taken_for_an_entry() -> None:
    program = """
import os, signal
from emulator.cache import store as cache
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


def test_filling_the_cache_leaves_no_lock(root: Path) -> None:
    def build(target: Path) -> None:
        (target / "file").touch()
        with cache.locked("another", "another"):
            pass
        assert (root / cache.LOCKS / f"{cache.FILLING}.lock").exists()  # while it is shared

    cache.entry("thing", "a" * 64, build)
    assert list((root / cache.LOCKS).iterdir()) == []
