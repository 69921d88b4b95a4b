"""Locks that leave no files: nobody ever holds what somebody else has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.base.lock_file import is_at, lock_file, open_locked, remove_unheld, take

WITHIN = 20.0
HOLD_FOR_EVER = """
import sys
from pathlib import Path
from emulator.base.lock_file import open_locked, take
lock = open_locked(Path(sys.argv[1]), take)
print("held", flush=True)
sys.stdin.read()
"""


def wait(lock: IO[str]) -> None:
    Deadline(WITHIN).poll(lambda: take(lock), "the lock", interval=0.0)


def test_a_file_that_was_removed_locks_nobody_out(tmp_path: Path) -> None:
    """It was waited for while its holder removed it; by now another run may hold its successor."""
    files = []

    def removed_meanwhile(file: IO[str]) -> None:
        files.append(file)
        if len(files) == 1:
            (tmp_path / "lock").unlink()

    with open_locked(tmp_path / "lock", removed_meanwhile) as lock:
        assert lock is files[1]
        assert files[0].closed
        assert os.path.samestat(os.fstat(lock.fileno()), (tmp_path / "lock").stat())


def test_a_failure_to_lock_leaves_nothing_open(tmp_path: Path) -> None:
    opened: list[IO[str]] = []

    def fail(file: IO[str]) -> None:
        opened.append(file)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        open_locked(tmp_path / "lock", fail)
    assert opened[0].closed


def test_those_who_share_keep_out_whoever_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("a+") as one, path.open("a+") as two, path.open("a+") as three:
        assert take(one, shared=True)
        assert take(two, shared=True)
        assert not take(three)
        one.close()
        two.close()
        assert take(three)


def test_a_block_leaves_no_file(tmp_path: Path) -> None:
    with lock_file(tmp_path / "lock", wait) as lock:
        assert is_at(tmp_path / "lock", lock)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_goes_and_what_is_held_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_FOR_EVER, str(tmp_path / "left")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"held\n"
        remove_unheld(tmp_path)
        assert (tmp_path / "left").exists()
        killed.kill()
    with lock_file(tmp_path / "held", wait):
        remove_unheld(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["held"]


def test_never_two_at_once_whatever_is_swept_meanwhile(tmp_path: Path) -> None:
    """Runs come and go, each removing the file in the end, while another sweeps all the time."""
    inside = 0
    most = 0
    over = threading.Event()

    def run() -> None:
        nonlocal inside, most
        for _ in range(100):
            with lock_file(tmp_path / "lock", wait):
                inside += 1
                most = max(most, inside)
                os.sched_yield()
                inside -= 1

    def sweep() -> None:
        while not over.is_set():
            remove_unheld(tmp_path)

    sweeper = threading.Thread(target=sweep)
    runs = [threading.Thread(target=run) for _ in range(4)]
    for thread in (sweeper, *runs):
        thread.start()
    for thread in runs:
        thread.join(WITHIN)
    over.set()
    sweeper.join(WITHIN)
    assert most == 1
    assert not list(tmp_path.iterdir())


def make_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, make_socket])
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    make("lock")
    with pytest.raises(SetupError, match=r"lock is no file, but Binder harness keeps one there\. Remove it"):
        open_locked(Path("lock"), wait)
    remove_unheld(tmp_path)
    assert Path("lock").exists()
