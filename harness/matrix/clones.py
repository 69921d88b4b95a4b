"""Judges a device's claims on several clones of it at a time, for a run of pytest that reports them.

The run asks for its claims in their order, and waits for each. Meanwhile processes, each with a clone of its
own, judge the next claim that nobody has taken: a process that is lost loses only its claim.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections import deque
from collections.abc import Sequence

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import ExitCode
from emulator.base.progress import reporting_to
from harness.experiments.core.claim import Claim
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.result import Result
from harness.matrix import event_writer, fed
from harness.matrix.child import SECONDS, SECONDS_TO_END, exit_code_of
from harness.matrix.claim_queue import ClaimQueue
from harness.matrix.worker_process import WorkerProcess
from harness.plugin.elsewhere import JUDGE_ELSEWHERE
from harness.plugin.views import show
from harness.report.events import Event, Failed, Judged, Line, Ready, decode
from harness.report.failure import Failure

USED_BY_ALL = (
    "adbutils",
    "emulator.embedded.device",
    "harness.commands.claims.live.verify_view",
    "harness.device.known_facts",
    "harness.experiments.core.judge",
    "harness.plugin.plugin",
)
"""What each process imports: before they are copied, once for all."""
ALONE = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""The variables of processes whose pytest is an inner one: the user's options and plugins are this one's."""


class Clones:
    """A pytest plugin and a context manager that ends the processes, and their devices with them."""

    def __init__(
        self,
        target: str,
        claims: Sequence[Claim],
        jobs: int,
        *,
        options: Sequence[str] = (),
    ) -> None:
        """`claims` are those that the run may ask for, `options` those of `verify` for each process."""
        self._target = target
        self._jobs = jobs
        self._options = [*options, *(claim.id for claim in claims)]
        self._ahead: deque[WorkerProcess] = deque()
        """Processes that were started while this one had no other threads, and could be copied."""
        self._config: pytest.Config | None = None
        self._claims: dict[str, Claim] = {}
        self._changed = threading.Condition()  # protects the attributes below
        self._queue = ClaimQueue([])
        self._judged: dict[str, list[Event]] = {}
        self._nobody: list[Event] = []
        """Why nobody judges the claims that are left."""
        self._working = 0
        self._workers: list[threading.Thread] = []
        self._closed = False

    def __enter__(self) -> Clones:
        for name in USED_BY_ALL:
            importlib.import_module(name)
        for _ in range(self._jobs):
            self._ahead.append(self._start_process())
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._queue.clear()
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
        self._claims = {claim.id: claim for claim in map(fed.claim_of, session.items)}

    def judge(self, claim: Claim) -> list[Event]:
        """The events of judging a claim: devices opened or lost, and its result, if there is one."""
        with self._changed:
            if not self._workers:
                self._start()
            self._changed.wait_for(lambda: claim.id in self._judged or self._nobody)
            return self._judged.get(claim.id) or self._nobody

    def _start(self) -> None:
        self._queue = ClaimQueue(self._claims.values())
        self._working = self._jobs
        for number in range(self._jobs):
            worker = threading.Thread(target=self._work, name=f"clone {number} of {self._target}")
            self._workers.append(worker)
            worker.start()

    def _work(self) -> None:
        """Judge claims until none is left, in a new process after one that died."""
        try:
            with reporting_to(self._show_line):
                while (claim := self._queue.take()) is not None and self._run_process(claim):
                    pass
        except BaseException as error:
            self._give_up(self._failed(f"{type(error).__name__}: {error}", ExitCode.UNEXPECTED))
            raise

    def _run_process(self, claim: str) -> bool:
        """Judge this claim and others in one process; False where it judged none, as another one would."""
        current: str | None = claim
        events: list[Event] = []
        begun = judged = False
        silence, ending = Deadline(SECONDS), None
        with self._next_process() as process:
            for line in process.lines():
                if line is None:
                    if ending is not None:
                        process.kill_after(ending)
                    elif self._closed or silence.expired:
                        ending = Deadline(SECONDS_TO_END)
                        process.terminate()
                    continue
                silence = Deadline(SECONDS)
                match decode(line):
                    case Line() as event:
                        self._show(event)
                    case Ready():
                        if begun and current is not None:
                            self._done(current, events)
                            judged, events, current = True, [], self._queue.take()
                        begun = True
                        process.feed(current)
                    case event:
                        events.append(event)
            status = process.wait(Deadline(SECONDS_TO_END))
            reason = process.exit_reason()
        if current is None:
            return True
        failures = [event for event in events if isinstance(event, Failed)]
        if begun and not failures:
            events += self._lost(current, reason)
            judged = True
        if judged:
            self._done(current, events)
        else:
            self._retire(failures[0] if failures else self._failed(reason, exit_code_of(status)), current)
        return judged

    def _done(self, claim: str, events: list[Event]) -> None:
        with self._changed:
            self._judged[claim] = events
            self._changed.notify_all()
        self._queue.done(claim)

    def _retire(self, failure: Failed, claim: str) -> None:
        """Leave the claim to the other workers; the last one's failure is that of all that are left."""
        self._queue.put_back(claim)
        with self._changed:
            self._working -= 1
            last = not self._working
        if last:
            self._give_up(failure)

    def _give_up(self, failure: Failed) -> None:
        self._queue.clear()
        with self._changed:
            self._nobody = [failure]
            self._changed.notify_all()

    def _lost(self, claim: str, reason: str) -> list[Event]:
        """The events of a claim that was lost with its process."""
        finding = Finding(Verdict.LOST, reason=reason)
        result = Result.of(self._claims[claim], finding, None, seconds=0.0)
        return [
            Judged(target=self._target, result=result),
            self._failed(reason, ExitCode.DEVICE_LOST),
        ]

    def _failed(self, message: str, exit_code: ExitCode) -> Failed:
        return Failed(target=self._target, failure=Failure(message=message, exit_code=exit_code))

    def _next_process(self) -> WorkerProcess:
        try:
            return self._ahead.pop()
        except IndexError:
            return self._start_process()

    def _start_process(self) -> WorkerProcess:
        plugins = ("-p", "no:cacheprovider", "-p", event_writer.__name__, "-p", fed.__name__)
        options = (f"--target={self._target}", "--jobs=1", *self._options)
        return WorkerProcess(
            ["verify", *options, "--", *plugins],
            pipe_option=event_writer.OPTION,
            feed_option=fed.OPTION,
            environment=ALONE,
            copied=True,
        )

    def _show_line(self, text: str) -> None:
        self._show(Line(target=self._target, text=text))

    def _show(self, event: Line) -> None:
        assert self._config is not None
        show(self._config, event)
