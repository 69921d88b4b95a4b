"""A program that runs on a device, and whose output is read line by line meanwhile."""

from __future__ import annotations

import contextlib
import queue
import shlex
import signal
import threading
from collections.abc import Sequence
from typing import Self

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from emulator.base.lines import LineSplitter
from harness.agent.exit_status import ExitStatus
from harness.agent.process import Kill
from harness.agent.stream import ProcessStream

START_SECONDS = 10.0
MOST_LINES = 1024
"""Lines, of 64 KiB at most, that wait to be read; a program that prints more waits, as at a pipe."""
_RECEIVED_AT_ONCE = 64 * 1024


def shell_line(command: Sequence[str]) -> str:
    """A shell command that prints the shell's pid, waits for a line, and becomes the program."""
    return f"echo $$; read -r _; exec {shlex.join(command)}"


class RemoteProgram:
    """A program that starts only at `resume`, so that it can be traced from its first instruction.

    Where nobody reads its lines, it waits once 1,024 of them have come. A context manager that kills it.
    """

    def __init__(
        self, stream: ProcessStream, *, name: str, kill: Kill, deadline: Deadline | None = None
    ) -> None:
        """Use a shell that runs `shell_line`; `stream` is closed with the program, or on failure.

        `kill` ends it. Raises HarnessError if no shell answers, TimeLimitError at the deadline (10 s).
        """
        self.name = name
        self._stream = stream
        self._kill = kill
        self.closed = False
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_LINES)
        self._ended = threading.Event()
        threading.Thread(target=self._receive, name=f"output of {name}", daemon=True).start()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(stream.close)
            self.pid = self._read_pid(deadline or Deadline(START_SECONDS))
            on_failure.pop_all()

    def __str__(self) -> str:
        return f"{self.name}, process {self.pid}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ended(self) -> bool:
        """Whether its output has ended."""
        return self._ended.is_set()

    @property
    def standard_error(self) -> str:
        """The last 4096 characters."""
        return self._stream.standard_error

    def resume(self) -> Self:
        """Let the program start."""
        self._stream.send(b"\n")
        return self

    def line(self, deadline: Deadline) -> str | None:
        """The next line of its output; None at the end. Raises TimeLimitError at the deadline."""
        try:
            line = self._lines.get(timeout=deadline.remaining())
        except queue.Empty:
            raise deadline.missed(f"a line of {self.name}") from None
        if line is None:
            self._lines.put(None)
        return line

    def send(self, data: bytes) -> None:
        """Write to its standard input; OSError where it has ended."""
        self._stream.send(data)

    def end_input(self) -> None:
        """Close its standard input."""
        self._stream.close_input()

    def wait(self, deadline: Deadline) -> ExitStatus:
        """Its exit status; TimeLimitError at the deadline, HarnessError if the connection was lost."""
        status = self._stream.exit_status(deadline)
        if status is None:
            deadline.check(f"the end of {self}")
            raise HarnessError(f"The connection to {self} was lost before it ended.")
        return status

    def close(self) -> None:
        """Kill it if it still runs, and wait 10 s at most for its end; does nothing the second time.

        Lines that nobody has read are dropped.
        """
        try:
            if not self.ended:
                with contextlib.suppress(HarnessError):  # the program or the device may have ended by now
                    self._kill(self.pid, signal.SIGKILL)
            deadline = Deadline(START_SECONDS)
            with contextlib.suppress(TimeLimitError):
                while self.line(deadline) is not None:
                    pass
        finally:
            self._stream.close()
            self.closed = True

    def release(self) -> None:
        """Let go of a program that ended with its device's last boot: its id may be another's by now."""
        self._stream.close()
        self.closed = True

    def _read_pid(self, deadline: Deadline) -> int:
        line = self.line(deadline)
        if line is None or not line.isdecimal():
            raise HarnessError(
                f"The shell that starts {self.name} printed {line!r}, not its pid. "
                f"{self.standard_error}".rstrip()
            )
        return int(line)

    def _receive(self) -> None:
        splitter = LineSplitter()
        with contextlib.suppress(HarnessError):
            while data := self._stream.receive(_RECEIVED_AT_ONCE):
                for line in splitter.feed(data):
                    self._lines.put(line)
        self._ended.set()
        for line in splitter.finish():
            self._lines.put(line)
        self._lines.put(None)
