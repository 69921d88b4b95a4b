from __future__ import annotations

import gc
import os
import signal
import subprocess
import weakref
from collections.abc import Sequence

import pytest

from harness.agent.process import RemoteProcess
from harness.device.command import ShellError
from harness.device.running import Running, send_signal


class Item:
    def __init__(self, name: str = "", closings: list[str] | None = None, *, fails: bool = False) -> None:
        self.name = name
        self.closed = False
        self._closings = [] if closings is None else closings
        self._fails = fails

    def close(self) -> None:
        self.closed = True
        self._closings.append(self.name)
        if self._fails:
            raise OSError(self.name)

    def release(self) -> None:
        self._closings.append(f"{self.name}, released")


def test_what_is_closed_is_not_held() -> None:
    """A prompt at which 10,000 processes were started kept 256 KiB of each."""
    running = Running()
    held = []
    for _ in range(100):
        item = Item()
        held.append(weakref.ref(item))
        running.add(item)
        item.close()
        del item
    gc.collect()
    assert sum(each() is not None for each in held) <= 1


def test_what_runs_is_held_and_closed_in_reverse_order() -> None:
    closings: list[str] = []
    running = Running()
    for name in ("first", "second"):
        running.add(Item(name, closings))
    gc.collect()
    running.close()
    running.close()
    assert closings == ["second", "first"]


def test_one_that_fails_to_close_leaves_no_other_open() -> None:
    closings: list[str] = []
    running = Running()
    running.add(Item("first", closings))
    running.add(Item("second", closings, fails=True))
    with pytest.raises(OSError, match="second"):
        running.close()
    assert closings == ["second", "first"]


def test_what_ended_with_the_last_boot_is_not_closed() -> None:
    """Closing it would kill whatever has its id since the device restarted, after waiting for its end."""
    closings: list[str] = []
    running = Running()
    running.add(Item("process", closings))
    running.release()
    running.close()
    assert closings == ["process, released"]


class Shell:
    """A shell for which there is no such process."""

    def __init__(self) -> None:
        self.commands: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> None:
        self.commands.append(command)
        raise ShellError("No such process")


def test_an_agent_sends_signals_to_others(agent: RemoteProcess) -> None:
    shell = Shell()
    with subprocess.Popen(["sleep", "60"]) as program:
        send_signal(program.pid, signal.SIGKILL, agent=agent, shell=shell)
    assert (program.returncode, shell.commands) == (-signal.SIGKILL, [])


def test_a_shell_sends_a_signal_that_no_agent_can(agent: RemoteProcess) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    for pid, by in ((os.getpid(), None), (agent.pid, agent), (ended.pid, agent)):
        shell = Shell()
        with pytest.raises(ShellError):
            send_signal(pid, signal.SIGTERM, agent=by, shell=shell)
        assert shell.commands == [["kill", "-15", str(pid)]]


def test_a_signal_that_was_sent_late_is_no_error(agent: RemoteProcess) -> None:
    """On a starved machine, the agent had ended the process when the shell was asked to."""
    shell = Shell()
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        send_signal(os.getpid(), 0, agent=agent, shell=shell, seconds=0.05)
    finally:
        os.kill(agent.pid, signal.SIGCONT)
    assert shell.commands == [["kill", "-0", str(os.getpid())]]
