"""Agents that run on this machine, for tests that need an agent but no device."""

from __future__ import annotations

import contextlib
import select
import subprocess
import tempfile
import weakref
from pathlib import Path

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.exit_status import ExitStatus


class SubprocessStream:
    """An agent as a child process."""

    def __init__(self, *command: str | Path) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input = self.process.stdin
        self._output = self.process.stdout
        self.sent: list[bytes] = []
        for file in (self._errors, self._output):  # read after the end, too
            weakref.finalize(self, file.close)

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

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        if deadline is not None and not select.select([self._output], [], [], deadline.remaining())[0]:
            raise TimeLimitError("output of the agent")
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
