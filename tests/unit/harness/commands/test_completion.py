"""Shells complete commands, options and claims, with the lines that `completion` prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.commands.completion import VARIABLE, Shell

ROOT = Path(__file__).parents[4]


def program(directory: Path) -> dict[str, str]:
    """An environment whose PATH has binder-harness, from this tree."""
    file = directory / "binder-harness"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} -m harness "$@"\n')
    file.chmod(0o755)
    return os.environ | {"PATH": f"{directory}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def test_bash_completes(tmp_path: Path) -> None:
    script = """
        eval "$(binder-harness completion bash)"
        complete_line() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            _binder_harness_completion binder-harness
            echo "${COMPREPLY[@]}"
        }
        complete_line binder-harness rep
        complete_line binder-harness explain mmap.on
        complete_line binder-harness verify --jun
        complete_line binder-harness matrix --target emb
        complete_line binder-harness report --format k
    """
    shown = subprocess.run(
        ["bash", "-c", script], env=program(tmp_path), capture_output=True, text=True, timeout=60, check=True
    )
    assert shown.stdout.splitlines() == [
        "report repl",
        "mmap.once",
        "--junit",
        "embedded",
        "ktap",
    ]


@pytest.mark.parametrize("shell", [Shell.ZSH, Shell.FISH])
def test_the_lines_for_other_shells_ask_the_program(tmp_path: Path, shell: Shell) -> None:
    """They are Typer's, and neither shell is here: so what they would run is run.

    In zsh 5.9 and fish 3.6 themselves a command, an option, its value and a claim were completed by hand.
    """
    environment = program(tmp_path)
    command = ["binder-harness", "completion", shell]
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert f"{VARIABLE}=complete_{shell}" in lines.stdout
    asked = environment | {
        VARIABLE: f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "binder-harness explain mmap.on",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    answer = subprocess.run(["binder-harness"], env=asked, capture_output=True, text=True, timeout=60)
    assert "mmap.once" in answer.stdout
    assert "mmap.opener-only" not in answer.stdout
