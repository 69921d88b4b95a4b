"""What `binder-harness cache` shows and removes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.base.errors import HarnessError
from emulator.base.lock_file import open_locked
from emulator.cache import store as cache
from emulator.cache.maintenance import clear, disk_usage, entries, entry_groups
from emulator.cache.root import cache_root
from emulator.cache.run_directory import keep_log, run_directory
from emulator.cache.store import entry, lock_path, locked
from harness.app import app
from tests.unit.emulator.cache.test_store import as_if_by_another_process


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    return cache_root()


def build(target: Path) -> None:
    (target / "file").write_bytes(bytes(1 << 20))
    with (target / "sparse").open("wb") as file:
        file.truncate(64 << 20)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_entries_are_counted_and_measured_by_name(root: Path) -> None:
    for name, key in (("thing", "a"), ("thing", "b"), ("other-6.1-amd64", "a")):
        entry(name, key * 64, build)
    as_if_by_another_process()
    entry("thing", "b" * 64, build)
    with run_directory():
        things, others = entry_groups()
    assert (things.name, things.entries, things.in_use) == ("thing", 2, 1)
    assert (others.name, others.entries, others.in_use) == ("other-6.1-amd64", 1, 0)
    assert 2 << 20 <= things.size < 4 << 20
    assert things.size + others.size <= disk_usage(root) < 4 << 20
    assert len(entries()) == 3


def test_unused_entries_are_removed_and_foreign_files_stay(root: Path, tmp_path: Path) -> None:
    unused = entry("thing", "a" * 64, build)
    as_if_by_another_process()
    used = entry("thing", "b" * 64, build)
    for name in ("apt-amd64", "zig", "files", ".build-xyz", "my-own"):
        (root / name).mkdir()
    for name in ("acceleration.json", "my.lock"):
        (root / name).touch()
    (tmp_path / "console.log").touch()
    keep_log(tmp_path / "console.log")
    left = open_locked(lock_path("left"), lambda _: None)
    left.close()
    with run_directory() as running:
        clear()
        assert running.is_dir()
    assert not unused.exists()
    assert (used / "file").exists()
    assert names(root) == {used.name, "my-own", "my.lock", "locks", "runs"}
    assert names(root / "locks") == set()


def test_files_that_another_machine_runs_here_stay(root: Path) -> None:
    for name in ("files", "run-of-another-machine"):
        (root / name).mkdir()
    clear()
    assert names(root) >= {"files", "run-of-another-machine"}
    (root / "run-of-another-machine").rmdir()
    clear()
    assert "files" not in names(root)


def test_nothing_is_removed_while_a_run_fills_the_cache() -> None:
    def build_and_clear(target: Path) -> None:
        build(target)
        with pytest.raises(HarnessError, match="Another run is filling the cache"):
            clear()
        assert (target / "file").exists()

    assert entry("thing", "a" * 64, build_and_clear).exists()
    with locked("apt-amd64", "the list of packages"), pytest.raises(HarnessError, match="filling"):
        clear()


def test_the_command_shows_and_clears(root: Path) -> None:
    unused = entry("thing", "a" * 64, build)
    as_if_by_another_process()
    run = CliRunner().invoke
    shown = run(app, ["cache"]).output
    assert shown.startswith(f"{root}: 1.1 MB\n")
    assert [line.split()[-1] for line in shown.splitlines() if " MB " in line and str(root) not in line] == [
        "thing"
    ]
    assert "binder-harness cache --clear" in shown
    cleared = run(app, ["cache", "--clear"]).output
    assert cleared.startswith("1.")
    assert "what runs use" in cleared
    assert not unused.exists()
    assert cache.MANIFEST not in names(root)
