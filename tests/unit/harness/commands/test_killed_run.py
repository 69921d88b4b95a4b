"""Runs that cannot end in order: killed, or with nowhere to write. What they judged is not lost."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from harness.report.document import Document
from harness.report.journal import A_SUDDEN_END
from harness.report.matrix import Matrix

ROOT = Path(__file__).parents[4]
FAKES = "import tests.support.fake_device_plugin"
MAIN = "from harness.cli import main; main()"
A_MATRIX = f"""
import sys
{FAKES}
from harness.matrix import worker_process
worker_process.COMMAND = (sys.executable, "-c", {f"{FAKES}; {MAIN}"!r})
{MAIN}
"""
"""The processes that judge on one device each have the fakes, too."""
SECONDS = 30.0


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", "mmap.once proto.waits")
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("TARGET", "HOST", "JSON", "TIME_LIMIT", "DEBUG", "SCHEDULER"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: str, program: str = f"{FAKES}; {MAIN}") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=SECONDS, check=False
    )


@contextlib.contextmanager
def running(*words: str, program: str, judged: int) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has judged so many claims, and then waits."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            Deadline(SECONDS).poll(lambda: _judged() == judged, "the results of the claims before")
            yield process
        finally:
            process.kill()


def _judged() -> int:
    path = Path("run.json.partial")
    return path.read_text().count('{"event": "judged"') if path.exists() else 0


def test_after_sigkill_the_results_are_there_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    with running("verify", "--json", "run.json", program=f"{FAKES}; {MAIN}", judged=1):
        second = run("verify", "--json", "run.json")
        assert (
            second.returncode,
            "The run that keeps its results in run.json.partial goes on" in second.stderr,
        ) == (2, True)
    assert not Path("run.json").exists()
    explained = run("judge", "run.json")
    assert (
        explained.returncode,
        "binder-harness judge run.json.partial --json run.json" in explained.stderr,
    ) == (2, True)
    judged = run("judge", "run.json.partial", "--json", "copy.json")
    assert (judged.returncode, "the run was interrupted by SIGKILL or a crash" in judged.stdout) == (0, True)
    document = Document.load(Path("copy.json"))
    assert [result.id for result in document.claims] == ["mmap.once"]
    assert (document.interrupted, document.not_judged) == (A_SUDDEN_END, ("proto.waits",))
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", "mmap.once")
    third = run("verify", "--json", "run.json")
    assert (
        third.returncode,
        "run.json has what an earlier run judged until it was killed" in third.stderr,
    ) == (0, True)
    assert Document.load(Path("run.json")).interrupted is None
    assert list(Path().glob("*.partial")) == []


def test_after_sigkill_a_matrix_has_the_results_of_each_device() -> None:
    targets = ("--target", "embedded", "--target", "embedded?memory=256")
    with running("matrix", *targets, "-j", "2", "--json", "run.json", program=A_MATRIX, judged=2):
        pass
    assert run("judge", "run.json.partial", "--json", "run.json").returncode == 0
    matrix = Matrix.load(Path("run.json"))
    assert matrix.interrupted == A_SUDDEN_END
    assert [[result.id for result in document.claims] for document in matrix.documents] == [["mmap.once"]] * 2


BREAKS_DIRECTORY = """
import shutil, pathlib
def pytest_runtest_teardown():
    shutil.rmtree("out", ignore_errors=True)
    pathlib.Path("out").touch()
"""


def test_results_that_cannot_be_written_are_kept_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is gone when the run ends: all other outputs are there, and the status is 4, not 2."""
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", "mmap.once")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{Path.cwd()}")
    Path("breaks_directory.py").write_text(BREAKS_DIRECTORY)
    Path("out").mkdir()
    words = ("--json", "out/run.json", "--html", "run.html", "--junit", "out/run.xml")
    ended = run("verify", *words, "--", "-p", "breaks_directory")
    assert ended.returncode == 4, ended
    assert "Traceback" not in ended.stderr
    assert "all as expected: ✓ 1 confirmed" in ended.stdout
    assert "out/run.json cannot be written: Not a directory. What it would hold is in " in ended.stderr
    assert "out/run.xml cannot be written" in ended.stderr
    assert "All results with their figures" not in ended.stdout
    assert Path("run.html").exists()
    (copy,) = Path().glob("binder-harness-*/run.json")
    assert [claim["id"] for claim in json.loads(copy.read_text())["claims"]] == ["mmap.once"]


def test_under_plain_pytest_the_reason_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", "mmap.once")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{Path.cwd()}")
    Path("breaks_directory.py").write_text(BREAKS_DIRECTORY)
    Path("out").mkdir()
    plugins = (
        "-p",
        "no:binder_harness",
        "-p",
        "harness.plugin.plugin",
        "-p",
        "tests.support.fake_device_plugin",
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *plugins,
            "-p",
            "breaks_directory",
            "--pyargs",
            "harness.experiments.test_claims",
            "--binder-json",
            "out/run.json",
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (ended.returncode, "out/run.json cannot be written: Not a directory" in ended.stdout) == (
        4,
        True,
    ), ended
