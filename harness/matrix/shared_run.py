"""The claims of one target, judged by several processes at a time, each with a device of its own.

Each judges the next claim that nobody has taken: a process that is lost loses only its claim.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol

from emulator.base.deadline import Deadline
from emulator.base.errors import ExitCode, TimeLimitError
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.result import Result
from harness.matrix import event_writer, fed
from harness.matrix.claim_queue import ClaimQueue
from harness.matrix.selection import Selection
from harness.matrix.worker_process import WorkerProcess
from harness.report.events import Event, Failed, Judged, Line, Ready, decode
from harness.report.failure import Failure
from harness.report.run import Run

SECONDS = 3600.0
"""The limit for one claim, including the download and build of the device's kernel and userland."""
SECONDS_TO_END = 20.0
"""How long a process may take to close its device after SIGTERM."""
INNER = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""The variables of a process whose pytest is none of the user's."""


class Sink(Protocol):
    """Takes what the processes of a run report, from several threads."""

    def show(self, line: Line) -> None:
        """Take a line of progress, at once."""
        ...

    def judged(self, claim: str | None, events: list[Event]) -> None:
        """Take all events of judging a claim; with None, those of a process that judges no more."""
        ...

    def give_up(self, failure: Failed) -> None:
        """Learn why nobody judges the claims that are left."""
        ...


class SharedRun:
    """What is left to judge on a target, by threads with a process each: they `join`, and then `work`."""

    def __init__(
        self,
        target: str,
        claims: Iterable[str],
        sink: Sink,
        next_process: Callable[[], WorkerProcess],
        *,
        ended_by: Callable[[], BaseException | None],
        seconds: float = SECONDS,
        seconds_to_end: float = SECONDS_TO_END,
    ) -> None:
        """`next_process` returns a `fed_process`; all end once `ended_by` returns what ends the run."""
        self._target = target
        self._sink = sink
        self._next_process = next_process
        self._ended_by = ended_by
        self._seconds = seconds
        self._seconds_to_end = seconds_to_end
        self._queue = ClaimQueue(claims, _is_alone)
        self._lock = threading.Lock()
        self._working = 0
        """How many threads have joined and not left."""
        self._over = False

    @property
    def waiting(self) -> int:
        """How many claims nobody has taken."""
        return self._queue.waiting

    @property
    def over(self) -> bool:
        """Whether all threads that joined have left."""
        return self._over

    def join(self) -> bool:
        """Let this thread, or another one, `work`; False where the run is over."""
        with self._lock:
            self._working += not self._over
            return not self._over

    def work(self) -> bool:
        """Judge claims until none is left, in a new process after one that died; whether it left as the last.

        Raises SetupError where no process can be started.
        """
        failure: Failed | None = None
        try:
            while failure is None and (claim := self._queue.take()) is not None:
                failure = self._run_process(claim)
        except BaseException as error:
            self._give_up(self._failed(f"{type(error).__name__}: {error}", ExitCode.UNEXPECTED))
            raise
        finally:
            with self._lock:
                self._working -= 1
                self._over = last = not self._working
        if failure is not None and last:
            self._give_up(failure)
        return last

    def _run_process(self, claim: str) -> Failed | None:
        """Judge this claim and others in one process; why it judged none, which holds for others, too."""
        current: str | None = claim
        events: list[Event] = []
        reported = Run(self._target, datetime.now(UTC))
        begun = judged = False
        silence, ending, end = Deadline(self._seconds), Deadline(0), self._ended_by()
        if end is not None:
            self._leave(claim, events)
            return None
        with self._next_process() as process:
            for line in process.lines():
                if end is not None:
                    process.kill_after(ending)
                else:
                    end = self._ended_by() or (time_limit_error(self._seconds) if silence.expired else None)
                    if end is not None:
                        ending = Deadline(self._seconds_to_end)
                        if current is not None:  # else it is closing its device
                            process.terminate()
                if line is None:
                    continue
                silence = Deadline(self._seconds)
                match decode(line):
                    case Line() as event:
                        self._sink.show(event)
                    case Ready():
                        if begun and current is not None:
                            self._done(current, events)
                            judged, events, current = True, [], self._queue.take()
                        begun = True
                        process.feed(current)
                    case event:
                        reported(event)
                        events.append(event)
            status = process.wait(Deadline(self._seconds_to_end))
            reason = process.exit_reason()
        if current is None:
            if end is None and status != reported.exit_code:
                self._sink.judged(None, [self._failed(reason, exit_code_of(status))])
            return None
        if self._ended_by() is not None:
            self._leave(current, events)
            return None
        if end is not None:
            reason = f"The run was aborted: {end}"
        failures = [event for event in events if isinstance(event, Failed)]
        if begun and not failures:
            events += self._lost(current, reason)
            judged = True
        if judged:
            self._done(current, events)
            return None
        self._queue.put_back(current)
        return failures[0] if failures else self._failed(reason, exit_code_of(status))

    def _done(self, claim: str, events: list[Event]) -> None:
        self._sink.judged(claim, events)
        self._queue.done(claim)

    def _leave(self, claim: str, events: list[Event]) -> None:
        """Judge no more: neither this claim nor another."""
        self._sink.judged(None, events)
        self._queue.clear()
        self._queue.done(claim)

    def _give_up(self, failure: Failed) -> None:
        self._queue.clear()
        self._sink.give_up(failure)

    def _lost(self, claim: str, reason: str) -> list[Event]:
        """The events of a claim that was lost with its process."""
        failed = self._failed(reason, ExitCode.DEVICE_LOST)
        known = CLAIMS.all().get(claim)  # one from elsewhere is not, to the worker of a scheduler
        if known is None:
            return [failed]
        result = Result.of(known, Finding(Verdict.LOST, reason=reason), None, seconds=0.0)
        return [Judged(target=self._target, result=result), failed]

    def _failed(self, message: str, exit_code: ExitCode) -> Failed:
        return Failed(target=self._target, failure=Failure(message=message, exit_code=exit_code))


def fed_process(target: str, selection: Selection, *, copied: bool = False) -> WorkerProcess:
    """A process that judges on the target those of these claims that it is fed.

    Where it can be, a `copied` one is a copy of this process.
    """
    plugins = ("-p", "no:cacheprovider", "-p", event_writer.__name__, "-p", fed.__name__)
    return WorkerProcess(
        ["verify", f"--target={target}", "--jobs=1", *selection.options, *selection.claims, "--", *plugins],
        pipe_option=event_writer.OPTION,
        feed_option=fed.OPTION,
        environment=INNER,
        copied=copied,
    )


def time_limit_error(seconds: float) -> TimeLimitError:
    """The error that ends a run which takes too long."""
    return TimeLimitError(f"not done within {seconds:g} s")


def exit_code_of(status: int) -> ExitCode:
    """The exit code for a status that the run's events do not explain; after a signal the device is lost."""
    if status < 0:
        return ExitCode.DEVICE_LOST
    return ExitCode(status) if status in set(ExitCode) - {ExitCode.AS_EXPECTED} else ExitCode.UNEXPECTED


def _is_alone(claim: str) -> bool:
    known = CLAIMS.all().get(claim)
    return known is not None and known.alone
