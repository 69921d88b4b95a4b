"""`binder-harness record` as a user runs it: its ends, its files, its exit status."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.recording.exports.json_file import read_recording

ROOT = Path(__file__).parents[2]
WITHIN = 120.0
MAIN = "from harness.cli import main; main()"


def record(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", MAIN, "record", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_command_is_recorded_and_its_status_is_kept(tmp_path: Path) -> None:
    document, diagram = tmp_path / "list.json", tmp_path / "list.svg"
    aidl = tmp_path / "aidl"
    aidl.mkdir()
    (aidl / "IServiceManager.aidl").write_text(
        "package android.os; interface IServiceManager { void first(); IBinder second(); void third(); "
        "String[] fourth(int x); }"
    )
    process = record(
        "-o", document, "-o", diagram, "--aidl", aidl, "--", "service list; echo to-stderr >&2; exit 7"
    )
    output, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 7, errors
    assert "manager: [android.os.IServiceManager]" in output
    assert "service → servicemanager" in output
    assert "IServiceManager.fourth" in output, "the user's names come first"
    assert "to-stderr" in errors
    hops = read_recording(document)
    assert "IServiceManager.fourth" in [hops.called(hop) for hop in hops]
    assert {hop.sender.name for hop in hops.without_replies()} == {"service"}
    assert diagram.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda process: process.send_signal(signal.SIGINT), 0),
        (lambda process: process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_what_is_there_is_written_when_it_is_ended(
    tmp_path: Path, end: Callable[[subprocess.Popen[str]], None], status: int
) -> None:
    document = tmp_path / "ended.json"
    process = record("-o", document)
    assert process.stderr is not None
    lines: list[str] = []
    while "until Ctrl-C" not in (line := process.stderr.readline()):
        assert line, lines
        lines.append(line)
    end(process)
    _, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == status, errors
    assert json.loads(document.read_text())["complete"] is True


def test_the_time_limit_ends_it(tmp_path: Path) -> None:
    text = tmp_path / "limited.txt"
    process = record("-o", text, "--seconds", "0.5", "--", "sleep 60")
    _, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, errors
    assert "0.5 s at most" in errors
    assert "transactions in" in text.read_text()
