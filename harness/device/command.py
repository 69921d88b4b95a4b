"""A command in a device's shell, run to its end."""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.adb.transfer import ExcessError
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.exit_status import ExitStatus
from harness.agent.stream import ProcessStream

SHELL_SECONDS = 30.0
LARGEST_OUTPUT = 64 << 20
"""Bytes of a command's output."""


class ShellError(HarnessError):
    """A command on the device failed; the message ends with its standard error."""


@dataclass(frozen=True, slots=True)
class ShellResult:
    """How a command on the device ended."""

    status: int
    """The exit status; 128 + n for signal n."""
    output: str
    errors: str
    """The last 4096 characters of standard error."""


def as_line(command: str | Sequence[str]) -> str:
    """A shell's line; a sequence is quoted word by word."""
    return command if isinstance(command, str) else shlex.join(command)


def result_of(
    stream: ProcessStream, line: str, deadline: Deadline, content: bytes = b""
) -> ShellResult | None:
    """Give a command `content` as its input and wait for its end; None where no exit status arrives in time.

    The stream is closed. Raises ShellError, with the command's line, for more than 64 MiB of output.
    """
    try:
        output, status = receive_all(stream, deadline, LARGEST_OUTPUT, content)
    except ExcessError as error:
        raise ShellError(
            f"`{line}` printed more than {LARGEST_OUTPUT >> 20} MiB. Write its output to a file there, and "
            "pull that."
        ) from error
    if status is None:
        return None
    code = status.code if status.code is not None else 128 + (status.signal or 0)
    return ShellResult(code, output.decode(errors="replace"), stream.standard_error)


def receive_all(
    stream: ProcessStream, deadline: Deadline, largest: int, content: bytes = b""
) -> tuple[bytearray, ExitStatus | None]:
    """All that a command with `content` as its input writes, and its exit status, None for none in time.

    The stream is closed. Raises ExcessError for more than `largest` bytes.
    """
    output = bytearray()
    with contextlib.closing(stream), _closed_at(deadline, stream) as was_closed:
        if content:
            _send(stream, content)
        stream.close_input()
        while chunk := stream.receive(1 << 16):
            output += chunk
            if len(output) > largest:
                raise ExcessError(f"it has more than {largest:,} bytes")
        status = stream.exit_status(deadline)
    return output, None if was_closed.is_set() else status  # a status then is that of the close


def _send(stream: ProcessStream, content: bytes) -> None:
    try:
        stream.send(content)
    except TimeLimitError:
        raise
    except OSError:  # it has ended early, and its status shows why
        pass


@contextlib.contextmanager
def _closed_at(deadline: Deadline, stream: ProcessStream) -> Iterator[threading.Event]:
    """Close the stream, which wakes its receiver, if the block outlasts the deadline; set the event then."""
    was_closed = threading.Event()

    def close() -> None:
        was_closed.set()
        stream.close()

    timer = threading.Timer(deadline.remaining(), close)
    timer.start()
    try:
        yield was_closed
    finally:
        timer.cancel()
