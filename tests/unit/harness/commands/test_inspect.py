"""`inspect` and `explain-error`: what they print, and what they refuse."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from emulator.base.errors import ExitCode
from harness.cli import main

INPUTS = Path(__file__).parents[1] / "inspect" / "inputs"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("BINDER_HARNESS_TARGET", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        output = capsys.readouterr()
        assert "\x1b" not in output.out + output.err
        return int(ended.value.code or 0), output.out, output.err

    return run


def test_a_deadlock_is_named(run: Run) -> None:
    status, output, _ = run("inspect", str(INPUTS / "deadlock.txt"))
    assert status == 0
    assert "Who waits for whom?\n  DEADLOCK of 2 threads: process 200 thread 201 → process 300" in output
    assert "shown by lines 13, 5, 20, 24" in output


def test_the_same_as_json(run: Run) -> None:
    _, output, _ = run("inspect", "--json", str(INPUTS / "deadlock.txt"))
    document = json.loads(output)
    assert document["sections"][0]["kind"] == "binder state"
    (answer,) = [each for each in document["answers"] if each["question"] == "Who waits for whom?"]
    assert answer["value"]["waits"][0]["thread"] == [200, 201]


def test_what_was_not_understood(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("\x1b]0;owned\x07 what\n")
    _, output, _ = run("inspect", str(text))
    assert "Nothing about Binder was found in 1 line." in output
    _, output, _ = run("inspect", "--unknown", str(text))
    assert output == f"{text}:1: \\u001b]0;owned\\u0007 what\n"


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (INPUTS / "bugreport.txt").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    _, output, _ = run("inspect", "-")
    assert output.startswith("a bug report of 48 lines")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give files to read"),
        (("--target", "embedded", "x"), "not both"),
        (("--host", "ssh://elsewhere", "x"), "Files are read on this machine"),
        (("no-such-file",), "No such file or directory"),
    ],
)
def test_what_inspect_refuses(run: Run, arguments: tuple[str, ...], message: str) -> None:
    status, _, errors = run("inspect", *arguments)
    assert status == ExitCode.USAGE
    assert message in errors


def test_a_file_that_is_no_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(bytes(range(256)) * 50)
    status, _, errors = run("inspect", str(tmp_path / "junk"))
    assert status == ExitCode.UNEXPECTED
    assert "is not text" in errors
    assert "Traceback" not in errors


def test_an_error_is_explained(run: Run) -> None:
    status, output, _ = run("explain-error", "-95")
    assert status == 0
    labels = [
        line.split(":")[0].strip() for line in output.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    assert labels == ["means", "at fault", "decided by", "look at"]
    assert "limit.largest-sync" in run("explain-error", "29201/-28")[1]


def test_errors_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO((INPUTS / "kernel.txt").read_text()))
    assert run("explain-error", "-")[1].count("at fault:") == 6


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("BR_FAILD_REPLY", "BR_FAILED_REPLY"),
        ("status DEAD_OBJEKT", "DEAD_OBJECT"),
        ("EX_SECURTY", "EX_SECURITY"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_near_one(run: Run, word: str, near: str) -> None:
    status, _, errors = run("explain-error", word)
    assert status == ExitCode.USAGE
    assert f"was recognised in '{word}'. Did you mean {near}?" in errors


def test_what_is_no_error(run: Run) -> None:
    status, _, errors = run("explain-error", "hello\x1b[31m")
    assert status == ExitCode.USAGE
    assert "No error of Binder was recognised in 'hello" in errors
