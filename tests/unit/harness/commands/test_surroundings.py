"""The command line where its caller closed a stream, removed its directory, or has no UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SECONDS = 30.0


def run(
    script: str, *words: str, directory: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line as `"$@"` of a shell's script."""
    variables: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "harness", *words]
    return subprocess.run(
        command, cwd=directory, env=variables, capture_output=True, timeout=SECONDS, check=False
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_mistake(closed: str) -> None:
    """Python has None in its place, which has no flush, isatty or fileno."""
    ended = run(f'"$@" {closed}', "list", "limit")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (b"limit.buffer-1mb" in ended.stdout) == (" >&-" not in f" {closed}")


def test_a_directory_that_was_removed_is_named(tmp_path: Path) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    ended = run('rmdir ../gone; "$@"', "verify", "mmap.once", directory=place)
    assert ended.returncode == 2
    assert ended.stderr == b"binder-harness: The current directory was removed: change to another.\n"


def test_a_locale_without_utf_8_has_the_claims() -> None:
    """The sources that they are read from are UTF-8; what the terminal cannot show is a question mark."""
    ended = run('"$@"', "explain", "copy", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"documents A ?Inter-process communication in Android?" in ended.stdout
