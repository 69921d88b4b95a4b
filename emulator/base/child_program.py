"""A child process that runs as long as its device, and never longer than the thread that started it."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import signal
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO

from emulator.base.command import await_group_end, ends_with_us, missing_supervisor, shown
from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError

STARTS_WITHIN = 20.0
ENDS_WITHIN = 20.0
OUTPUT_ENDS_WITHIN = 2.0
"""After the program has: a daemon that it leaves may hold its output open for ever."""
CHUNK = 1 << 16

logger = logging.getLogger(__name__)


class ChildProgram:
    """A supervised child process and its console output; use as a context manager or call `close`.

    Its standard error goes to the console too, unless it has a file of its own, `errors`. It inherits the
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
        self.console = Console(log)
        self._errors = errors
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._closed = False
        self._failure: OSError | None = None
        logger.debug("start: %s", shown(command))
        # The kernel ends the program with the thread that started it, so that thread lives as long.
        self._supervisor = threading.Thread(
            target=self._supervise,
            args=([*ends_with_us(), *command], {**os.environ, **(environment or {})}, inherited),
            name=self.name,
            daemon=True,
        )
        self._supervisor.start()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            if not self._started.wait(STARTS_WITHIN):
                raise SetupError(
                    f"{self.name} did not start within {STARTS_WITHIN:g} s. Is the disk it is on reachable?"
                )
            on_failure.pop_all()
        if self._failure is not None:  # such as a full disk, for the file of its errors
            raise missing_supervisor(self._failure) or self._failure from self._failure

    def __enter__(self) -> ChildProgram:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _supervise(
        self, command: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int]
    ) -> None:
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
        with self._process.stdout as output, contextlib.closing(_chunks(output, self._process.pid)) as chunks:
            self.console.read_from(chunks)
        if self.console.panic:  # which ends the reading: the program is to end, too
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
    def stderr_tail(self) -> str:
        """Its standard error so far, where that has a file of its own."""
        return self._errors.read_text(errors="replace").strip() if self._errors else ""

    @property
    def alive(self) -> bool:
        """Whether it runs; once it has ended, its last output may still be arriving."""
        return self._supervisor.is_alive() and not self._has_exited()

    def _has_exited(self) -> bool:
        """Whether the kernel has its exit status, which is left for the supervisor to collect."""
        if self._process is None:
            return False
        try:
            status = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # collected meanwhile
            return True
        return status is not None

    def wait(self, deadline: Deadline) -> bool:
        """Wait for its end and that of its output; whether it ended in time."""
        self._supervisor.join(deadline.remaining())
        return not self.alive

    def how_it_ended(self) -> str:
        """Whether and how it ended, with its last console lines."""
        assert self._process is not None
        if not self.alive:
            self.wait(Deadline(2 * OUTPUT_ENDS_WITHIN))
        status = "runs" if self.alive else f"ended with status {self._process.returncode}"
        return f"{self.name} {status}. Its last lines ({self.console.log}):\n{self.console.tail()}"

    def close(self) -> None:
        """End it and its process group, and wait for that, 20 s at most; closing twice does nothing."""
        self._closed = True
        self._kill()
        self._supervisor.join(ENDS_WITHIN)
        if self._process is not None:
            await_group_end(self._process.pid)


def _chunks(output: IO[bytes], process: int) -> Generator[bytes, None, None]:
    """What `output`, which is unbuffered, delivers until it ends, or until 2 s after a child has ended."""
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
                chunk = output.read(CHUNK)
                if not chunk:
                    return
                yield chunk
            if ended in ready:
                poll.unregister(ended)
                last = Deadline(OUTPUT_ENDS_WITHIN)
