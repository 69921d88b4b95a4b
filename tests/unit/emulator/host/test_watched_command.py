"""The shell scripts that watch a command, without SSH."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.host.watched_command import CLEAN_UP, COMMON, exports

NAMES = st.from_regex(r"V[A-Za-z_0-9]*", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@settings(max_examples=30)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_shell_reads_any_environment_and_leaves_the_rest(environment: dict[str, str]) -> None:
    script = f"{COMMON}\nread_environment; env -0; cat"
    ran = subprocess.run(
        ["sh", "-c", script],
        input=exports(environment) + b"beat",
        capture_output=True,
        check=True,
        timeout=20,
        env={"PATH": os.environ["PATH"]},
    )
    *variables, rest = ran.stdout.split(b"\0")
    assert rest == b"beat"
    read = dict(variable.split(b"=", 1) for variable in variables)
    assert {
        os.fsencode(name): os.fsencode(value) for name, value in environment.items()
    }.items() <= read.items()


def test_names_that_no_shell_has_are_left_out() -> None:
    assert exports({"BASH_FUNC_x%%": "() { :; }", "1": "x", "$(touch x)": "y"}) == b"0\n"


@pytest.mark.parametrize("sent", [b"", b"1\n"])
def test_where_the_connection_breaks_before_the_environment_nothing_runs(sent: bytes) -> None:
    ran = subprocess.run(
        ["sh", "-c", CLEAN_UP, "sh", "1", "touch", "/nonexistent/x"], input=sent, check=False, timeout=20
    )
    assert ran.returncode == 1
