"""Serves the calls to a process's nodes from threads of their own, with a Python thread beside each."""

from __future__ import annotations

import contextlib
import threading

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.errors import AgentDiedError
from harness.binder.abi import commands
from harness.binder.abi.commands import Command
from harness.binder.binder_file import BinderFile
from harness.binder.binder_thread import BinderThread
from harness.binder.driver_thread import CALL_SECONDS, InterruptedThreadError
from harness.binder.errors import HandlerError


class Server:
    """The pool of loopers of one binder file: one enters by itself, others as the driver asks for them."""

    def __init__(self, file: BinderFile, *, threads: int) -> None:
        self._file = file
        self._limit = threads
        self._lock = threading.Lock()
        self._loopers: list[tuple[BinderThread, threading.Thread]] = []
        self._broken: Exception | None = None
        file.spawn_looper = self._spawn
        self._add(commands.EnterLooper())

    def __repr__(self) -> str:
        return f"<Server of {self._file}, {self.threads} of at most {self._limit} loopers>"

    @property
    def threads(self) -> int:
        """How many loopers there are."""
        return len(self._loopers)

    @property
    def error(self) -> Exception | None:
        """What ended a looper, or else the first thing a handler raised; None while all is well."""
        return self._broken or next(iter(self._file.handler_errors), None)

    def stop(self, deadline: Deadline | None = None) -> None:
        """Interrupt the loopers and wait for them; HandlerError where a handler had raised.

        A call that is being handled gets no reply but BR_DEAD_REPLY. TimeLimitError where a handler does
        not return by the deadline (10 s unless given).
        """
        deadline = deadline or Deadline(CALL_SECONDS)
        self._file.spawn_looper = None
        with self._lock:
            loopers = list(self._loopers)
            self._limit = 0
        for remote, _ in loopers:
            remote.interrupt()
        for remote, local in loopers:
            local.join(deadline.remaining())
            if local.is_alive():
                deadline.check(f"the handler of a call to {remote}")
        if self.error is not None:
            raise HandlerError(
                f"serving on {self._file}: {type(self.error).__name__}: {self.error}"
            ) from self.error

    def _spawn(self) -> None:
        self._add(commands.RegisterLooper())

    def _add(self, entry: Command) -> None:
        with self._lock:
            if len(self._loopers) >= self._limit:
                return
            remote = BinderThread(self._file, self._file.process.start_thread())
            local = threading.Thread(
                target=self._loop, args=(remote, entry), name=f"binder {remote}", daemon=True
            )
            self._loopers.append((remote, local))
            local.start()

    def _loop(self, remote: BinderThread, entry: Command) -> None:
        try:
            remote.serve_until_interrupted(entry)
        except InterruptedThreadError:
            with contextlib.suppress(OSError, HarnessError):
                remote.thread_exit()
        except AgentDiedError:
            pass  # the process was closed or killed, and its nodes with it
        except Exception as error:
            self._broken = error
