"""A program that runs for as long as its device does, and never longer than whoever started it."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO

from emulator.base.command import ENDS_WITH_US, missing_program
from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError

STARTS_WITHIN = 20.0
ENDS_WITHIN = 20.0
OUTPUT_ENDS_WITHIN = 2.0
"""After the program has: a daemon that it leaves may hold its output open for ever."""


class Program:
    """A running program, what it writes kept line by line; use as a context manager or call `close`.

    Its standard error goes among the rest, unless it has a file of its own, `errors`. It inherits the
    descriptors in `inherited`.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        errors: Path | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self.name = Path(command[0]).name
        self.said = Console(log)
        self._errors = errors
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._closed = False
        self._failure: OSError | None = None
        # The kernel ends the program with the thread that started it, so that thread lives as long.
        self._keeper = threading.Thread(
            target=self._keep,
            args=([*ENDS_WITH_US, *command], {**os.environ, **(environment or {})}, inherited),
            name=self.name,
            daemon=True,
        )
        self._keeper.start()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            if not self._started.wait(STARTS_WITHIN):
                raise SetupError(
                    f"{self.name} did not start within {STARTS_WITHIN:g} s. Is the disk it lies on reachable?"
                )
            on_failure.pop_all()
        if self._failure is not None:
            raise missing_program(ENDS_WITH_US[0]) from self._failure

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, command: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int]) -> None:
        try:
            with self._errors.open("wb") if self._errors else contextlib.nullcontext() as errors:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors or subprocess.STDOUT,
                    env=environment,
                    pass_fds=inherited,
                    bufsize=0,
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        if self._closed:  # while it was being started
            self._kill()
        assert self._process.stdout is not None
        with self._process.stdout as output, contextlib.closing(_lines(output, self._process.pid)) as lines:
            self.said.read_from(lines)
        if self.said.panic:  # which ends the reading: let the program end, too
            self._kill()
        self._process.wait()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def process_id(self) -> int:
        """Its pid."""
        assert self._process is not None
        return self._process.pid

    @property
    def complaint(self) -> str:
        """What it has written to standard error, where that has a file of its own."""
        return self._errors.read_text(errors="replace").strip() if self._errors else ""

    @property
    def alive(self) -> bool:
        """Whether it runs, or ended so recently that its output is still being read."""
        return self._keeper.is_alive()

    def wait(self, deadline: Deadline) -> bool:
        """Wait for its end; whether it came in time."""
        self._keeper.join(deadline.remaining())
        return not self.alive

    def how_it_ended(self) -> str:
        """Whether and how it ended, with the last lines of what it wrote."""
        assert self._process is not None
        status = "runs" if self.alive else f"ended with status {self._process.returncode}"
        return f"{self.name} {status}. Its last lines ({self.said.log}):\n{self.said.tail()}"

    def close(self) -> None:
        """End it and its process group, and wait for that, 20 s at most; closing twice does nothing."""
        self._closed = True
        self._kill()
        self._keeper.join(ENDS_WITHIN)


def _lines(output: IO[bytes], process: int) -> Generator[bytes, None, None]:
    """What comes from `output`, which is unbuffered, until it ends or 2 s after a child of ours has."""
    rest = b""
    last: Deadline | None = None
    with contextlib.ExitStack() as resources:
        ended = os.pidfd_open(process)
        resources.callback(os.close, ended)
        poll = select.poll()
        poll.register(output, select.POLLIN)
        poll.register(ended, select.POLLIN)
        while last is None or not last.expired:
            ready = dict(poll.poll(math.ceil(last.remaining() * 1000) if last else None))
            if output.fileno() in ready:
                chunk = output.read(1 << 16)
                if not chunk:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line + b"\n" for line in lines)
            if ended in ready:
                poll.unregister(ended)
                last = Deadline(OUTPUT_ENDS_WITHIN)
    if rest:
        yield rest
