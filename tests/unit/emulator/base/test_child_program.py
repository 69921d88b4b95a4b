"""A program that runs for as long as its device does: read line by line, ended with all of its group."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.base.child_program import OUTPUT_ENDS_WITHIN, ChildProgram
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from tests.support.processes import HAS_MEMORY, has_ended

WITHIN = 20.0
LEAVES_A_DAEMON = 'setsid sleep 60 & echo $! > "$1"; printf "one\\ntwo\\nlast"'


def leave_a_daemon(tmp_path: Path, then: str) -> list[str]:
    return ["sh", "-c", f"{LEAVES_A_DAEMON}; {then}", "sh", str(tmp_path / "daemon")]


@contextlib.contextmanager
def ending_the_daemon(tmp_path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        os.kill(int((tmp_path / "daemon").read_text()), signal.SIGKILL)


def test_every_line_is_kept_and_the_last_without_a_newline(tmp_path: Path) -> None:
    with ChildProgram(["sh", "-c", "seq 5000; printf end; exit 3"], tmp_path / "log") as program:
        assert program.wait(Deadline(WITHIN))
        assert "ended with status 3" in program.how_it_ended()
    log = (tmp_path / "log").read_text().split("\n")
    assert log == [*map(str, range(1, 5001)), "end"]
    assert program.console.tail(2) == "5000\nend"


def test_a_daemon_that_holds_the_output_does_not_keep_it_alive(tmp_path: Path) -> None:
    with (
        ChildProgram(leave_a_daemon(tmp_path, "exit 7"), tmp_path / "log") as program,
        ending_the_daemon(tmp_path),
    ):
        assert program.wait(Deadline(WITHIN))
        assert program.console.tail() == "one\ntwo\nlast"
        assert program.console.ended
        assert "ended with status 7" in program.how_it_ended()


def test_a_daemon_that_holds_the_output_does_not_hold_up_closing(tmp_path: Path) -> None:
    program = ChildProgram(leave_a_daemon(tmp_path, "echo; exec sleep 60"), tmp_path / "log")
    program.console.wait_for("last", deadline=Deadline(WITHIN))
    with ending_the_daemon(tmp_path):
        began = time.monotonic()
        program.close()
        assert time.monotonic() - began < OUTPUT_ENDS_WITHIN + 5
        assert not program.alive
    program.close()


def test_closing_waits_for_what_takes_longer_to_end(tmp_path: Path) -> None:
    with ChildProgram(["sh", "-c", f"{HAS_MEMORY} & wait"], tmp_path / "log") as program:
        left = int(program.console.wait_for("", deadline=Deadline(WITHIN)) or 0)
    assert has_ended(left)


def test_what_starts_too_late_is_an_error_and_ended_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, may_start = subprocess.Popen, threading.Event()
    started: queue.Queue[subprocess.Popen[bytes]] = queue.Queue()

    def start_late(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        may_start.wait(WITHIN)
        process: subprocess.Popen[bytes] = start(*arguments, **options)
        started.put(process)
        return process

    monkeypatch.setattr("subprocess.Popen", start_late)
    monkeypatch.setattr("emulator.base.child_program.STARTS_WITHIN", 0.05)
    monkeypatch.setattr("emulator.base.child_program.ENDS_WITHIN", 0.05)
    with pytest.raises(SetupError, match=r"sleep did not start within 0\.05 s"):
        ChildProgram(["sleep", "60"], tmp_path / "log")
    may_start.set()
    Deadline(WITHIN).poll(lambda: not started.empty(), "the start")
    assert started.get().wait(WITHIN) == -signal.SIGKILL
