from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.cache.run_directory import KEPT_LOGS, LOCK, keep_log, run_directory


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_directory_is_private_and_removed_with_its_run() -> None:
    with run_directory() as first, run_directory() as second:
        assert first != second
        assert first.stat().st_mode & 0o777 == 0o700
        (first / "console.log").touch()
    assert not first.exists()
    assert not second.exists()


def test_remains_of_a_killed_run_are_removed_and_directories_in_use_stay() -> None:
    program = """
import os, signal
from emulator.cache.run_directory import run_directory
with run_directory() as directory:
    print(directory, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    left_over = Path(killed.stdout.strip())
    assert left_over.is_dir()
    with run_directory() as used, run_directory():
        assert used.is_dir()
        assert not left_over.exists()


def test_a_directory_that_was_only_half_removed_is_removed(cache: Path) -> None:
    half_removed, none_of_ours = cache / "runs" / "half-removed", cache / "runs" / LOCK
    half_removed.mkdir(parents=True)
    none_of_ours.touch()
    with run_directory():
        assert not half_removed.exists()


def test_the_newest_logs_of_lost_devices_outlive_their_runs(tmp_path: Path) -> None:
    for number in range(KEPT_LOGS + 3):
        log = tmp_path / f"run-{number}" / "console.log"
        log.parent.mkdir()
        log.write_text("Kernel panic")
        kept = keep_log(log)
        os.utime(kept, (number, number))
    names = {file.name for file in kept.parent.iterdir()}
    assert kept.read_text() == "Kernel panic"
    assert len(names) == KEPT_LOGS
    assert "run-0.log" not in names
