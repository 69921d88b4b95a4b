from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, UsageError
from emulator.base.progress import reporting_to
from emulator.cache.store import lock_directory
from emulator.kinds.device_lock import device_lock

HOLD = """
import sys
from emulator.kinds.device_lock import device_lock
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
    reported: list[str] = []
    waiting = threading.Event()

    def report(line: str) -> None:
        reported.append(line)
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
        assert reported == [f"the device phone:5555 is in use by process {other.pid}: waiting for its end"]


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


def test_no_lock_file_is_left_behind() -> None:
    with other_run() as other:  # which is killed, and leaves one
        other.kill()
        other.wait()
        assert list(lock_directory().iterdir())
    with device_lock("phone:5555"):
        assert list(lock_directory().iterdir())
    assert not list(lock_directory().iterdir())


def test_a_process_does_not_wait_for_itself() -> None:
    with (
        device_lock("phone"),
        pytest.raises(UsageError, match="This process already uses the device phone"),
        device_lock("phone"),
    ):
        pass
