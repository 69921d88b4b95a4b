from __future__ import annotations

import contextlib
import platform
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.architecture import architecture_named
from emulator.base.interruption import ENDING
from emulator.build.agents import syscall_agent
from harness.agent.process import RemoteProcess
from tests.support.agent_support import SubprocessStream


@pytest.fixture(autouse=True)
def _own_hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line in this process replaces the hook for what finalizers raise, and signals' handlers."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = {ending: signal.getsignal(ending) for ending in ENDING}
    yield
    for ending, handler in before.items():
        signal.signal(ending, handler)


@pytest.fixture(scope="session")
def agent_path() -> Path:
    """The agent for this machine."""
    return syscall_agent(architecture_named(platform.machine()))


@pytest.fixture
def agent_stream(agent_path: Path) -> Iterator[SubprocessStream]:
    """An agent that has been started, and nothing sent to it."""
    with contextlib.closing(SubprocessStream(agent_path)) as stream:
        yield stream


@pytest.fixture
def agent(agent_stream: SubprocessStream) -> Iterator[RemoteProcess]:
    """A process whose system calls the test makes."""
    with RemoteProcess.start(agent_stream) as process:
        yield process
