"""Agents that run on this machine, for tests that need one and no device."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path

from device_agents.build import build_syscall_agent, fingerprint
from emulator.cache import entry
from emulator.deadline import Deadline
from harness.agent.exit_status import ExitStatus


def built_agent(architecture: str) -> Path:
    """The agent from the user's cache, where a device's is, too; built if its sources have changed."""

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            built = build_syscall_agent(architecture, Path(scratch) / "syscall_agent")
            built.rename(target / built.name)

    return entry(f"syscall_agent-{architecture}", fingerprint(architecture), build) / "syscall_agent"


class SubprocessStream:
    """An agent that is a child of this process."""

    def __init__(self, *command: str | Path) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the stream
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input = self.process.stdin
        self._output = self.process.stdout
        self.sent: list[bytes] = []

    @property
    def standard_error(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode()

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        view = memoryview(data)
        while view:
            view = view[self._input.write(view) :]

    def close_input(self) -> None:
        with contextlib.suppress(OSError):
            self._input.close()

    def receive(self, limit: int) -> bytes:
        return self._output.read(limit)

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:
        try:
            status = self.process.wait(deadline.remaining())
        except subprocess.TimeoutExpired:
            return None
        return ExitStatus(signal=-status) if status < 0 else ExitStatus(code=status)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.close_input()
