from __future__ import annotations

import threading

from emulator.base.deadline import Deadline
from harness.agent.exit_status import ExitStatus
from harness.device.command import ShellResult, result_of

WITHIN = 20.0


class Stream:
    """A command that runs until it is closed, which kills it, or one that has ended."""

    standard_error = ""

    def __init__(self, *, ended: bool) -> None:
        self._ended = threading.Event()
        self._status = ExitStatus(code=0)
        if ended:
            self._ended.set()

    def send(self, data: bytes) -> None:
        raise NotImplementedError

    def close_input(self) -> None:
        """It reads none."""

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:  # noqa: ARG002
        assert self._ended.wait(WITHIN)
        return b""

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:  # noqa: ARG002
        return self._status

    def close(self) -> None:
        if not self._ended.is_set():
            self._status = ExitStatus(signal=9)
            self._ended.set()


def test_a_command_that_its_deadline_kills_has_no_status() -> None:
    """Its status was that of the kill, where that arrived before the deadline was looked at."""
    assert result_of(Stream(ended=False), "sleep 1000", Deadline(0.01)) is None


def test_a_command_that_ends_has_its_status() -> None:
    assert result_of(Stream(ended=True), "true", Deadline(WITHIN)) == ShellResult(0, "", "")
