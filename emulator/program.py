"""A program that runs for as long as its device does, and never longer than whoever started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.command import ENDS_WITH_US, missing_program
from emulator.deadline import Deadline
from emulator.embedded.console import Console


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
        self._failure: OSError | None = None
        # The kernel ends the program with the thread that started it, so that thread lives as long.
        self._keeper = threading.Thread(
            target=self._keep,
            args=([*ENDS_WITH_US, *command], {**os.environ, **(environment or {})}, inherited),
            name=self.name,
            daemon=True,
        )
        self._keeper.start()
        self._started.wait()
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
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        assert self._process.stdout is not None
        with self._process.stdout as output:
            self.said.read_from(output)
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
        """Whether it runs, as far as its output tells, which ends with it."""
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
        """End it and all it has started, and wait for that; closing twice does nothing."""
        self._kill()
        self._keeper.join()
