from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from emulator.adb.transfer import ExcessError
from emulator.base.deadline import Deadline
from harness.agent.exit_status import ExitStatus
from harness.agent.stream import AdbShellStream
from harness.device import command
from harness.device.command import ShellError, ShellResult, receive_all, result_of

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


@contextlib.contextmanager
def flood() -> Iterator[AdbShellStream]:
    """A command under adb's shell protocol whose output has no end; its thread ends with its stream."""
    ours, theirs = socket.socketpair()
    packet = struct.pack("<BI", 1, 4096) + bytes(4096)  # adb/shell_protocol.h, kIdStdout

    def write() -> None:
        with theirs, contextlib.suppress(OSError):
            while True:
                theirs.sendall(packet)

    thread = threading.Thread(target=write)
    thread.start()
    yield AdbShellStream(ours)
    thread.join(WITHIN)
    assert not thread.is_alive()


def test_the_output_of_a_command_is_not_received_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LARGEST_OUTPUT", 1 << 20)
    with flood() as stream, pytest.raises(ShellError, match="`cat /dev/zero` printed more than 1 MiB"):
        result_of(stream, "cat /dev/zero", Deadline(WITHIN))


def test_as_much_is_received_as_may_be() -> None:
    with flood() as stream, pytest.raises(ExcessError, match="it has more than 10,000 bytes"):
        receive_all(stream, Deadline(WITHIN), 10_000)
