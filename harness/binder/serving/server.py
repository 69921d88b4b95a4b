"""Serves the calls to a process's nodes on the process's own threads, with a Python thread for each."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import NoReturn

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.errors import AgentDiedError
from harness.binder.abi import commands
from harness.binder.abi.commands import Command
from harness.binder.driver.ioctls import CALL_SECONDS, InterruptedThreadError
from harness.binder.errors import HandlerError
from harness.binder.serving.nodes import Nodes
from harness.binder.thread.binder_thread import BinderThread, SharedState

_IDLE_SECONDS = 3600.0

logger = logging.getLogger(__name__)


class Server:
    """The pool of loopers of one open file: one enters by itself, the driver requests the others."""

    def __init__(self, shared: SharedState, nodes: Nodes, *, threads: int) -> None:
        self._shared = shared
        self._nodes = nodes
        self._limit = threads
        self._lock = threading.Lock()
        self._loopers: list[tuple[BinderThread, threading.Thread]] = []
        self._looper_error: Exception | None = None
        shared.spawn_looper = self._spawn
        self._add(commands.EnterLooper())

    def __repr__(self) -> str:
        return f"<Server of {self._shared.file}, {self.threads} of at most {self._limit} loopers>"

    @property
    def threads(self) -> int:
        """The number of loopers."""
        return len(self._loopers)

    @property
    def error(self) -> Exception | None:
        """What ended a looper, else the first exception of a handler; None if there was neither."""
        return self._looper_error or next(iter(self._nodes.errors), None)

    def close(self, deadline: Deadline | None = None) -> None:
        """Interrupt the loopers and wait for them; HandlerError if a handler had raised.

        The nodes stay until their file is closed; nobody answers the calls to them.

        A call that is being handled gets no reply but BR_DEAD_REPLY. TimeLimitError if a handler does
        not return by the deadline (10 s unless given).
        """
        deadline = deadline or Deadline(CALL_SECONDS)
        self._shared.spawn_looper = None
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
                f"serving on {self._shared.file}: {type(self.error).__name__}: {self.error}"
            ) from self.error

    def _spawn(self) -> None:
        self._add(commands.RegisterLooper())

    def _add(self, entry: Command) -> None:
        with self._lock:
            if len(self._loopers) >= self._limit:
                return
            remote = self._shared.start_thread()
            local = threading.Thread(
                target=self._run_looper, args=(remote, entry), name=f"binder {remote}", daemon=True
            )
            self._loopers.append((remote, local))
            local.start()

    def _run_looper(self, remote: BinderThread, entry: Command) -> None:
        try:
            _serve(remote, entry)
        except InterruptedThreadError:
            with contextlib.suppress(OSError, HarnessError):
                remote.thread_exit()
        except AgentDiedError:
            pass  # the process was closed or killed, and its nodes died with it
        except Exception as error:
            logger.debug("%s: the looper ended", remote, exc_info=True)
            self._looper_error = error


def _serve(remote: BinderThread, entry: Command) -> NoReturn:
    """Enter the pool of loopers and serve calls until interrupted."""
    remote.queue.add(entry)
    while True:
        try:
            remote.serve_once(Deadline(_IDLE_SECONDS), as_looper=True)
        except TimeLimitError:
            continue
