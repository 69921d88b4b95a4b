"""A copy of this process that runs a function: all that this one has imported need not be imported again."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NoReturn

from emulator.base.printable import show

PR_SET_PDEATHSIG = 1
"""include/uapi/linux/prctl.h"""
STANDARD = 3
"""The number of standard streams, whose descriptors are the first."""


def may_fork() -> bool:
    """Whether this process can be copied: of several threads a copy has one, and the locks of all."""
    return threading.active_count() == 1


class ForkedProcess:
    """A running copy, in a session of its own, with the methods of subprocess.Popen that WorkerProcess uses.

    The kernel kills it with the thread that starts it.
    """

    def __init__(
        self,
        run: Callable[[], None],
        variables: Mapping[str, str],
        errors: IO[bytes],
        inherited: Sequence[int],
    ) -> None:
        """`variables` are its environment, `errors` its standard error, `inherited` its other open files."""
        self.returncode: int | None = None
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        gc.freeze()  # what a collection touches is copied
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.environ.clear()
            os.environ.update(variables)
            _run_copy(run, parent, errors.fileno(), inherited)
        self._ended = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Its exit status, or the negative number of the signal that ended it; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                os.close(self._ended)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """What `poll` returns once it has ended; raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.poll() is None:
            poller = select.poll()
            poller.register(self._ended, select.POLLIN)
            poller.poll(None if timeout is None else timeout * 1000)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("a copy of this process", timeout or 0)
        return status

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self._send(signal.SIGKILL)

    def _send(self, sent: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, sent)


def _run_copy(run: Callable[[], None], parent: int, errors: int, inherited: Sequence[int]) -> NoReturn:
    status = 1
    try:
        _leave(parent, errors, inherited)
        run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        show(traceback.format_exc(), end="", errors=True)
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _leave(parent: int, errors: int, inherited: Sequence[int]) -> None:
    """End with the parent, and keep none of its files."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    logging.getLogger().handlers.clear()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor, file in enumerate((nowhere, nowhere, errors)):
        os.dup2(file, descriptor)
    kept = sorted(inherited)
    for before, after in zip([STANDARD - 1, *kept], [*kept, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(before + 1, after)
