from __future__ import annotations

import gc
import os
import signal
import subprocess
import weakref

import pytest

from harness.agent.process import RemoteProcess
from harness.device.running import Running, sent_by


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


def test_an_agent_sends_signals_to_others(agent: RemoteProcess) -> None:
    with subprocess.Popen(["sleep", "60"]) as program:
        assert sent_by(agent, program.pid, signal.SIGKILL)
    assert program.returncode == -signal.SIGKILL
    assert not sent_by(agent, program.pid, signal.SIGKILL)  # there is no such process any more


def test_what_an_agent_cannot_do_is_left_to_others(agent: RemoteProcess) -> None:
    assert not sent_by(None, os.getpid(), 0)
    assert not sent_by(agent, agent.pid, signal.SIGKILL)
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        assert not sent_by(agent, os.getpid(), 0, seconds=0.05)
    finally:
        os.kill(agent.pid, signal.SIGCONT)
    assert sent_by(agent, os.getpid(), 0)
