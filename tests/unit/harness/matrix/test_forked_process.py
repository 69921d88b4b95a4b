"""Copies of a process: what they have of it, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.base.deadline import Deadline
from tests.support.processes import has_ended

ROOT = Path(__file__).parents[4]
SECONDS = 30.0
COPIED = """
import json, os, signal, sys, tempfile
from harness.matrix.forked_process import ForkedProcess, may_fork

def report():
    os.write(given, json.dumps({
        "variables": dict(os.environ),
        "open": [each for each in range(100) if os.path.exists(f"/proc/self/fd/{each}")],
        "session": os.getsid(0) == os.getpid(),
    }).encode())
    print("an error", file=sys.stderr)
    print("an output")
    raise SystemExit(5)

print("written before", end="")
ours = os.open(os.devnull, os.O_RDONLY)
read, given = os.pipe()
with tempfile.TemporaryFile() as errors:
    copy = ForkedProcess(report, {"NAME": "value"}, errors, [given])
    os.close(given)
    status = copy.wait(30)
    shown = json.loads(os.read(read, 1 << 20))
    waiting = ForkedProcess(signal.pause, {}, errors, [])
    before = waiting.poll()
    waiting.terminate()
    ended = [waiting.wait(), waiting.poll()]
    waiting.kill()
    raising = ForkedProcess(lambda: 1 / 0, {}, errors, []).wait(30)
    errors.seek(0)
    print(json.dumps(shown | {
        "given": given, "status": status, "before": before, "ended": ended, "raising": raising,
        "errors": errors.read().decode(), "may fork": may_fork(),
    }))
"""
LEFT = """
import os, signal, sys, tempfile
from harness.matrix.forked_process import ForkedProcess
print(ForkedProcess(signal.pause, {}, tempfile.TemporaryFile(), []).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
OTHER_THREADS = """
import threading
from harness.matrix.forked_process import may_fork
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(may_fork())
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What the copies of a process show."""
    ended = run(COPIED)
    assert ended.returncode == 0, ended.stderr
    before, _, document = ended.stdout.partition("written before")
    assert before == "", "what waits to be written is written once"
    found: dict[str, Any] = json.loads(document)
    return found


def test_a_copy_has_its_own_variables_session_and_files(shown: dict[str, Any]) -> None:
    assert shown["variables"] == {"NAME": "value"}
    assert shown["session"]
    assert shown["open"] == [0, 1, 2, shown["given"]]


def test_the_exit_status_is_that_of_a_program(shown: dict[str, Any]) -> None:
    assert shown["status"] == 5
    assert shown["raising"] == 1
    assert "an error" in shown["errors"]
    assert "ZeroDivisionError" in shown["errors"]


def test_a_copy_can_be_ended(shown: dict[str, Any]) -> None:
    assert (shown["before"], shown["ended"]) == (None, [-15, -15])


def test_a_copy_ends_with_the_process() -> None:
    ended = run(LEFT)
    assert ended.returncode == -9
    copy = int(ended.stdout)
    Deadline(SECONDS).poll(lambda: has_ended(copy), "the end of the copy")


def test_a_process_with_other_threads_is_not_copied(shown: dict[str, Any]) -> None:
    assert shown["may fork"]
    assert run(OTHER_THREADS).stdout == "False\n"
