"""The shell scripts that watch a command, without SSH."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.base.command import script
from emulator.base.errors import SetupError
from emulator.host import watched_command
from emulator.host.watched_command import READY, SshCleanupCommand, clean_up_command, exports, watch_command
from tests.support.processes import HAS_MEMORY, has_ended

NAMES = st.from_regex(r"V[A-Za-z_0-9]*", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@settings(max_examples=30)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_shell_reads_any_environment_and_leaves_the_rest(environment: dict[str, str]) -> None:
    ran = subprocess.run(
        script(watched_command.__file__, "with_environment.sh", "sh", "-c", "env -0; cat"),
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
    command = clean_up_command(["touch", "/nonexistent/x"])
    ran = subprocess.run(command, input=sent, check=False, timeout=20)
    assert ran.returncode == 1


def test_a_clean_up_says_when_it_has_all_it_needs() -> None:
    with subprocess.Popen(clean_up_command(["true"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(exports({"NAME": "value"}))
        shell.stdin.flush()
        assert shell.stdout.readline() == READY
        shell.stdin.close()
        assert shell.wait(20) == 0


def test_the_end_of_a_watched_command_is_that_of_all_it_started(tmp_path: Path) -> None:
    """The shell ended with the command, while what that had started still had its locks."""
    command = watch_command(["sh", "-c", f"{HAS_MEMORY} & wait"], str(tmp_path / "run" / "one"), live=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(exports({}))
        shell.stdin.flush()
        left = int(shell.stdout.readline())
        shell.stdin.close()
        assert shell.wait(20) == 128 + signal.SIGKILL
        assert has_ended(left)
    assert not (tmp_path / "run" / "one").exists()


@pytest.mark.parametrize("answer", [b"", b"rea"])
def test_a_clean_up_that_the_host_never_took_is_none(answer: bytes) -> None:
    """It was promised once it had been sent: a connection that broke before it arrived left it undone."""
    channel = SimpleNamespace(
        sendall=lambda _: None, settimeout=lambda _: None, makefile=lambda _: io.BytesIO(answer)
    )
    host = SimpleNamespace(address="host", open_session=lambda _: channel, keep_beating=lambda _: None)
    with pytest.raises(SetupError, match="host did not take the command `touch x`"):
        SshCleanupCommand(cast(Any, host), ["touch", "x"])
