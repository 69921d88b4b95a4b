from __future__ import annotations

import logging
import subprocess
import time
from pathlib import Path

import pytest

from emulator.base.command import ends_with_us, run, script, started
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.base.lock_file import take
from tests.support.processes import HAS_MEMORY, has_ended

pytestmark = pytest.mark.filterwarnings(
    "error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning"
)
"""Whatever is left open is an error."""


def test_the_output_is_returned() -> None:
    assert run(["sh", "-c", "echo out; echo error >&2"], seconds=20) == "out\n"


def test_the_command_line_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "emulator.base.command"):
        run(["sh", "-c", "exit 0"], seconds=20)
    assert caplog.messages == ["run: sh -c 'exit 0'"]


def test_a_failure_shows_the_last_lines_and_what_usually_fixes_it() -> None:
    with pytest.raises(SetupError, match=r"(?s)exit 3.*the reason.*Try turning it off"):
        run(["sh", "-c", "echo the reason >&2; exit 3"], seconds=20, needs="Try turning it off.")


def test_a_script_that_fails_is_named_and_not_printed(tmp_path: Path) -> None:
    (tmp_path / "fail.sh").write_text('echo "$1" >&2\nexit 3\n')
    with pytest.raises(SetupError) as failed:
        run(script(str(tmp_path / "module.py"), "fail.sh", "why it fails"), seconds=20)
    assert str(failed.value) == "`sh -c … fail.sh 'why it fails'` failed with status 3:\nwhy it fails"


def test_a_command_whose_parent_has_just_ended_does_not_run(tmp_path: Path) -> None:
    """Killed after the fork and before the kernel was asked to end the command with it, a run left a QEMU."""
    ran = tmp_path / "ran"
    command = [*ends_with_us(), "touch", str(ran)]
    # To the command it is as if its parent had ended: another process is in its place.
    subprocess.run(["sh", "-c", '"$@"; true', "sh", *command], check=True)
    assert not ran.exists()
    subprocess.run(command, check=True)
    assert ran.exists()


def test_a_missing_program_of_ours_is_answered_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.base.prerequisites.PREREQUISITES", (_missing(),))
    with pytest.raises(SetupError, match=r"Install it:\n  (sudo )?apt-get install .*no-such-package$"):
        run(["no-such-program"], seconds=20)


def _missing() -> object:
    from emulator.base.prerequisites import Prerequisite

    return Prerequisite("no-such-package", "nothing", program="no-such-program")


def test_a_program_that_hangs_is_ended_with_everything_it_started() -> None:
    began = time.monotonic()
    with pytest.raises(SetupError, match="did not end within"):
        run(["sh", "-c", "sleep 60 & sleep 60"], seconds=0.2)
    assert time.monotonic() - began < 20


def test_what_outlives_a_program_and_holds_its_output_is_ended(tmp_path: Path) -> None:
    """What it started has a lock, which the kernel gives up when that ends."""
    line = 'exec 9> "$0"; flock 9; sleep 60 &'
    with pytest.raises(SetupError, match="did not end within"):
        run(["sh", "-c", line, tmp_path / "lock"], seconds=0.5)
    with (tmp_path / "lock").open() as lock:
        Deadline(20).poll(lambda: take(lock), "the end of what was started")


def test_what_takes_longer_to_end_than_the_program_is_awaited() -> None:
    """Its memory, its locks and its devices were still in use when the next command started."""
    pipe = subprocess.PIPE
    with started(["sh", "-c", f"{HAS_MEMORY} & wait"], output=pipe, errors=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
    assert has_ended(left)


def test_progress_of_a_long_program_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.base.command.PROGRESS_SECONDS", 0.02)
    lines: list[str] = []
    script = "echo '[1/2] one'; sleep 0.3; echo '[2/2] two'; sleep 0.3"
    output = run(["sh", "-c", script], seconds=20, progress=lines.append)
    assert output == "[1/2] one\n[2/2] two\n"
    assert list(dict.fromkeys(lines)) == ["[1/2] one", "[2/2] two"]
    with pytest.raises(SetupError, match=r"did not end within 0\.1 s"):
        run(["sleep", "20"], seconds=0.1, progress=lines.append)
