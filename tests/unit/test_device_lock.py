from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

from emulator.deadline import Deadline
from emulator.device_lock import device_lock
from emulator.errors import HarnessError, UsageError
from emulator.lock_file import open_locked
from emulator.progress import reporting_to

HOLD = """
import sys
from emulator.device_lock import device_lock
with device_lock("phone:5555"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _private_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))


def other_run() -> subprocess.Popen[str]:
    """Another process that has the device until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("ending", ["by itself", "killed"])
def test_a_run_waits_for_the_one_that_has_the_device(ending: str) -> None:
    said: list[str] = []
    waiting = threading.Event()

    def report(line: str) -> None:
        said.append(line)
        waiting.set()

    with other_run() as other:

        def end() -> None:
            waiting.wait(20)
            if ending == "killed":
                other.send_signal(signal.SIGKILL)
            else:
                assert other.stdin is not None
                other.stdin.close()

        ender = threading.Thread(target=end)
        ender.start()
        with reporting_to(report), device_lock("phone:5555", Deadline(20)):
            ender.join()
        assert said == [f"the device phone:5555 is in use by process {other.pid}: waiting for its end"]


def test_the_wait_ends_with_the_name_of_the_owner() -> None:
    with other_run() as other:
        with (
            pytest.raises(HarnessError, match=f"in use by process {other.pid} for 0.2 s"),
            device_lock("phone:5555", Deadline(0.2)),
        ):
            pass
        with device_lock("another phone", Deadline(0.2)):
            pass
        other.kill()


def test_no_lock_file_is_left_behind(tmp_path: Path) -> None:
    with other_run() as other:  # which is killed, and leaves one
        other.kill()
        other.wait()
        assert list(tmp_path.iterdir())
    with device_lock("phone:5555"):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


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


def test_a_process_does_not_wait_for_itself() -> None:
    with (
        device_lock("phone"),
        pytest.raises(UsageError, match="This process uses the device phone already"),
        device_lock("phone"),
    ):
        pass
