"""A run on one target of a matrix: what its processes report becomes a column."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from emulator.base.errors import ExitCode, HarnessError
from emulator.base.interruption import signal_behind
from emulator.target import parse_target
from harness.matrix.claim_queue import CLAIMS_WORTH_A_CLONE
from harness.matrix.selection import Selection
from harness.matrix.shared_run import SECONDS, SECONDS_TO_END, SharedRun, fed_process
from harness.report.events import Event, Failed, Line, Started, View
from harness.report.failure import Failure
from harness.report.matrix import Column
from harness.report.run import Run


class TargetRun:
    """A run in which threads take part: the first by `begin`, others by `join`, and then each by `work`."""

    def __init__(
        self,
        target: str,
        selection: Selection,
        *,
        view: View,
        ended_by: Callable[[], BaseException | None],
        seconds: float = SECONDS,
        seconds_to_end: float = SECONDS_TO_END,
    ) -> None:
        """`view` gets every event but the last; `ended_by` returns what ends the whole matrix."""
        self.target = target
        self._view = view
        self._ended_by = ended_by
        self._lock = threading.Lock()
        self._run = Run(target, datetime.now(UTC), selection.claims)
        self._shared = SharedRun(
            target,
            selection.claims,
            self,
            partial(fed_process, target, selection),
            ended_by=ended_by,
            seconds=seconds,
            seconds_to_end=seconds_to_end,
        )
        parsed = parse_target(target)
        self._has_clones = parsed.kind.clones(parsed)
        self._begun = False
        self.join = self._shared.join
        self.work = self._shared.work

    def begin(self, where: str = "") -> bool:
        """Join as the first, and show that it begins, on the machine `where`; whether nobody had."""
        if self._begun:
            return False
        self._begun = self._shared.join()
        if self._ended_by() is None:
            self._view(Started(target=self.target, where=where))
        return True

    @property
    def over(self) -> bool:
        """Whether all who took part have left."""
        return self._shared.over

    @property
    def worth_a_clone(self) -> int:
        """How many claims another device would help to judge, once there is one that can be cloned."""
        ready = self._has_clones and self._run.facts is not None
        return self._shared.waiting if ready and self._shared.waiting >= CLAIMS_WORTH_A_CLONE else 0

    def column(self) -> Column:
        """The column, once the run is over.

        A lost device or a process that died is in it as a failure, beside the results.
        """
        end = self._ended_by()
        return self._run.column() if end is None else aborted_column(self._run, end)

    def show(self, line: Line) -> None:
        """Show a line of progress."""
        self._view(line)

    def judged(self, _claim: str | None, events: list[Event]) -> None:
        """Take the events of a claim."""
        for event in events:
            with self._lock:
                self._run(event)
            self._view(event)

    def give_up(self, failure: Failed) -> None:
        """Take the failure for which nobody judges the rest."""
        self.judged(None, [failure])


def judge_on(
    target: str,
    selection: Selection,
    *,
    view: View,
    ended_by: Callable[[], BaseException | None],
    where: str = "",
    seconds: float = SECONDS,
    seconds_to_end: float = SECONDS_TO_END,
) -> Column:
    """Judge claims on one device of the target, on the machine `where`; see `TargetRun`.

    Raises SetupError where no process can be started.
    """
    run = TargetRun(
        target,
        selection,
        view=view,
        ended_by=ended_by,
        seconds=seconds,
        seconds_to_end=seconds_to_end,
    )
    run.begin(where)
    run.work()
    return run.column()


def aborted_column(run: Run, end: BaseException) -> Column:
    """The column of a run that an error or an interruption ended."""
    if isinstance(end, KeyboardInterrupt):
        if run.not_judged:
            run.interrupted = signal_behind(end).name
        return run.column()
    if isinstance(end, HarnessError):
        return failed_column(run, f"The run was aborted: {end}", end.exit_code)
    return failed_column(run, f"The run was aborted: {type(end).__name__}: {end}", ExitCode.UNEXPECTED)


def failed_column(run: Run, reason: str, exit_code: ExitCode) -> Column:
    """The column of a run that did not finish."""
    run(Failed(target=run.target, failure=Failure(message=reason, exit_code=exit_code)))
    return run.column()
