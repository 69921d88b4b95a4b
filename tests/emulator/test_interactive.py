"""`shell` and `repl` on a booted device, at a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from emulator.base.deadline import Deadline
from tests.support.processes import descendants, has_ended

OURS = [sys.executable, "-c", "from harness.cli import main; main()"]
WITHIN = 60.0


@pytest.mark.parametrize(
    ("words", "status", "output"),
    [
        (["sh -c 'exit 5'"], 5, ""),
        (["sh", "-c", "exit 5"], 0, ""),  # as with adb: on the device it is `sh -c exit 5`
        (["echo /dev/vnd*er | tr d D"], 0, "/Dev/vnDbinDer\n"),
        (["echo", "/dev/vnd*er", "|", "tr", "d", "D"], 0, "/Dev/vnDbinDer\n"),
    ],
)
def test_the_words_of_a_command_reach_the_devices_shell_as_with_adb(
    words: list[str], status: int, output: str
) -> None:
    ended = subprocess.run(
        [*OURS, "shell", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (status, output)


@contextmanager
def prompt() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A prompt that awaits its first line on a terminal of its own, and the terminal's other end."""
    leader, terminal = pty.openpty()
    # It becomes the controlling terminal of a session's leader that opens it.
    program = f"import os; os.open(os.ttyname(0), os.O_RDWR); {OURS[-1]}"
    with subprocess.Popen(
        [sys.executable, "-c", program, "repl"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        try:
            await_shown(leader, b">>> ")
            yield process, leader
        finally:
            process.kill()


def await_shown(leader: int, words: bytes, after: Callable[[], object] = lambda: None) -> bytes:
    """What the terminal shows up to these words after something was done, which is done again each second.

    Python's readline looks for signals before it waits for a key, and one that comes between the two is seen
    at the next key or signal.
    """
    shown, deadline = b"", Deadline(WITHIN)
    after()
    while words not in shown:
        deadline.check(f"{words!r} on a terminal that shows {shown!r}")
        if select.select([leader], [], [], 1.0)[0]:
            shown += os.read(leader, 1 << 10)
        else:
            after()
    return shown


def test_sigterm_ends_the_prompt_and_its_device() -> None:
    with prompt() as (process, leader):
        children = list(descendants(process.pid))
        assert children
        shown = await_shown(leader, b"SIGTERM", lambda: process.send_signal(signal.SIGTERM))
        assert b"ended by SIGTERM" in shown
        assert process.wait(WITHIN) == 128 + signal.SIGTERM
        os.close(leader)
    Deadline(WITHIN).poll(lambda: all(map(has_ended, children)), "the end of the device")


def test_a_closed_terminal_ends_the_prompt_and_its_device() -> None:
    with prompt() as (process, leader):
        children = list(descendants(process.pid))
        os.close(leader)
        assert process.wait(WITHIN) == 128 + signal.SIGHUP
    Deadline(WITHIN).poll(lambda: all(map(has_ended, children)), "the end of the device")
