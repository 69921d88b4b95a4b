"""A process that writes its events to a pipe, line by line, and ends with the process that started it."""

from __future__ import annotations

import contextlib
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import IO

from emulator.base.command import ends_with_us, missing_supervisor
from emulator.base.deadline import Deadline
from emulator.base.lines import LineSplitter, last_lines
from harness.matrix.forked_process import ForkedProcess, may_fork

TICK = 0.2
"""Seconds without a line after which the reader gets None, to check whether to end the process."""

COMMAND = (sys.executable, "-m", "harness")
NOT_INHERITED = ("BINDER_HARNESS_JSON", "BINDER_HARNESS_HOST")
"""Variables that the parent has already applied to its own run."""


class WorkerProcess:
    """A running process; a context manager, used in the thread with which the process ends."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        pipe_option: str,
        feed_option: str | None = None,
        environment: Mapping[str, str] | None = None,
        copied: bool = False,
    ) -> None:
        """`words` are the command line's, `environment` what is added to this process's.

        `pipe_option` tells the process which descriptor to write to, `feed_option` which to read from. Where
        it can be, a `copied` one is a copy of this process, which need not import anything again.
        """
        with contextlib.ExitStack() as stack:
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            self._pipe, far_end = os.pipe()
            stack.callback(os.close, self._pipe)
            theirs = [far_end]
            options = [f"{pipe_option}={far_end}"]
            if feed_option is not None:
                near_end, feed = os.pipe()
                self._feed = stack.enter_context(os.fdopen(feed, "w", buffering=1))
                theirs.append(near_end)
                options.append(f"{feed_option}={near_end}")
            words = [*words, *options]
            variables = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
            variables.update(environment or {})
            self._process: ForkedProcess | subprocess.Popen[bytes]
            try:
                if copied and may_fork():
                    self._process = ForkedProcess(partial(_run, words), variables, self._errors, theirs)
                else:
                    self._process = _started(words, variables, self._errors, theirs)
            finally:
                for descriptor in theirs:
                    os.close(descriptor)
            stack.callback(self._end)
            self._resources = stack.pop_all()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def lines(self) -> Iterator[str | None]:
        """Each line that it writes, and None after a moment without one, until it closes the pipe."""
        poller = select.poll()
        poller.register(self._pipe, select.POLLIN)
        splitter = LineSplitter()
        while True:
            if not poller.poll(TICK * 1000):
                yield None
                continue
            chunk = os.read(self._pipe, 1 << 16)
            if not chunk:  # a line without a newline is a message cut short: its writer was killed
                return
            yield from splitter.feed(chunk)

    def feed(self, line: str | None) -> None:
        """Write a line for it to read, or None for the end; nothing where it has ended."""
        with contextlib.suppress(BrokenPipeError):
            if line is None:
                self._feed.close()
            else:
                self._feed.write(f"{line}\n")

    def terminate(self) -> None:
        """Send SIGTERM, on which it closes its device and ends."""
        self._process.terminate()

    def kill_after(self, deadline: Deadline) -> None:
        """Kill it if the deadline is over."""
        if deadline.expired:
            self._process.kill()

    def wait(self, deadline: Deadline) -> int:
        """Its exit status, or the negative number of the signal that ended it; killed at the deadline."""
        try:
            return self._process.wait(deadline.remaining())
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def exit_reason(self) -> str:
        """Its exit status, and the last lines of its standard error."""
        status = self._process.wait()
        end = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        self._errors.seek(0)
        tail = last_lines(self._errors.read().decode(errors="replace"))
        return f"The run on this device ended {end}.\n{tail}".rstrip()

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def _run(words: Sequence[str]) -> None:
    """What COMMAND does, in this process."""
    sys.argv[1:] = words
    runpy.run_module("harness", run_name="__main__")


def _started(
    words: Sequence[str], variables: Mapping[str, str], errors: IO[bytes], inherited: Sequence[int]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*ends_with_us(), *COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=variables,
            pass_fds=inherited,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise missing_supervisor(error) or error from error
