"""Judges a device's claims on several clones of it at a time, for a run of pytest that reports them.

The run asks for its claims in their order, and waits for each, while processes judge ahead.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections import deque

import pytest

from emulator.base.progress import reporting_to
from harness.experiments.core.claim import Claim
from harness.matrix import fed
from harness.matrix.selection import Selection
from harness.matrix.shared_run import SharedRun, fed_process
from harness.matrix.worker_process import WorkerProcess
from harness.plugin.elsewhere import JUDGE_ELSEWHERE
from harness.plugin.views import show
from harness.report.events import Event, Failed, Line

USED_BY_ALL = (
    "adbutils",
    "emulator.embedded.device",
    "harness.commands.claims.live.verify_view",
    "harness.device.known_facts",
    "harness.experiments.core.judge",
    "harness.plugin.plugin",
)
"""What each process imports: before they are copied, once for all."""


class Clones:
    """A pytest plugin and a context manager that ends the processes, and their devices with them."""

    def __init__(self, target: str, selection: Selection, jobs: int) -> None:
        """The selection has the claims that the run may ask for; `jobs` is the number of processes."""
        self._target = target
        self._selection = selection
        self._jobs = jobs
        self._ahead: deque[WorkerProcess] = deque()
        """Processes that were started while this one had no other threads, and could be copied."""
        self._config: pytest.Config | None = None
        self._claims: list[str] = []
        self._changed = threading.Condition()  # protects the two attributes below
        self._judged: dict[str, list[Event]] = {}
        self._nobody: list[Event] = []
        """Why nobody judges the claims that are left."""
        self._workers: list[threading.Thread] = []
        self._end: KeyboardInterrupt | None = None

    def __enter__(self) -> Clones:
        for name in USED_BY_ALL:
            importlib.import_module(name)
        for _ in range(self._jobs):
            self._ahead.append(self._start_process())
        return self

    def __exit__(self, *_: object) -> None:
        self._end = KeyboardInterrupt()
        for worker in self._workers:
            worker.join()
        with contextlib.ExitStack() as unused:
            for process in self._ahead:
                unused.enter_context(process)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Have the claims of this run judged here."""
        self._config = config
        config.stash[JUDGE_ELSEWHERE] = self.judge

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn which claims the run will ask for."""
        self._claims = [fed.claim_of(item).id for item in session.items]

    def judge(self, claim: Claim) -> list[Event]:
        """The events of judging a claim: devices opened or lost, and its result, if there is one."""
        if not self._workers:
            self._start()
        with self._changed:
            self._changed.wait_for(lambda: claim.id in self._judged or self._nobody)
            return self._judged.get(claim.id) or self._nobody

    def _start(self) -> None:
        run = SharedRun(self._target, self._claims, self, self._next_process, ended_by=lambda: self._end)
        for number in range(self._jobs):
            name = f"clone {number} of {self._target}"
            self._workers.append(threading.Thread(target=self._work, args=(run,), name=name))
            run.join()
        for worker in self._workers:
            worker.start()

    def _work(self, run: SharedRun) -> None:
        with reporting_to(lambda text: self.show(Line(target=self._target, text=text))):
            run.work()

    def show(self, line: Line) -> None:
        """Show a line of progress."""
        assert self._config is not None
        show(self._config, line)

    def judged(self, claim: str | None, events: list[Event]) -> None:
        """Let the run have the events of a claim."""
        if claim is not None:
            with self._changed:
                self._judged[claim] = events
                self._changed.notify_all()

    def give_up(self, failure: Failed) -> None:
        """Let the run have a failure for each claim that it still asks for."""
        with self._changed:
            self._nobody = [failure]
            self._changed.notify_all()

    def _next_process(self) -> WorkerProcess:
        try:
            return self._ahead.pop()
        except IndexError:
            return self._start_process()

    def _start_process(self) -> WorkerProcess:
        return fed_process(self._target, self._selection, copied=True)
