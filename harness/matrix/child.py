"""Judges claims on one device in a process of its own: nothing of one device's run reaches another's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from emulator.base.deadline import Deadline
from emulator.base.errors import ExitCode, HarnessError, TimeLimitError
from emulator.base.interruption import signal_behind
from harness.matrix.event_writer import OPTION
from harness.matrix.worker_process import WorkerProcess
from harness.report.events import Failed, Started, View, decode
from harness.report.failure import Failure
from harness.report.matrix import Column
from harness.report.run import Run

COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")
SECONDS = 3600.0
"""The limit for one device, with the download and build of its kernel and userland."""
SECONDS_TO_END = 20.0
"""How long the process may take to close its device after SIGTERM."""


def judge_on(
    target: str,
    claims: Sequence[str],
    *,
    view: View,
    ended_by: Callable[[], BaseException | None],
    where: str = "",
) -> Column:
    """Judge claims, by id, on the device of `target`, until `ended_by` returns what ends the whole matrix.

    `view` gets every event but the last; `where` names the machine. A loss of the device or the death of the
    process is in the column, beside the results until then. Raises SetupError where no process can be
    started.
    """
    run = Run(target, datetime.now(UTC), claims)
    end = ended_by()
    if end is not None:
        return broken_off(run, end)
    view(Started(target=target, where=where))
    deadline = Deadline(SECONDS)
    with WorkerProcess(_command(target, claims), pipe_option=OPTION) as process:
        for line in process.lines():
            if line is not None:
                event = decode(line)
                run(event)
                view(event)
            if end is not None:
                process.kill_after(deadline)
                continue
            end = ended_by() or (not_in_time(SECONDS) if deadline.expired else None)
            if end is not None:
                deadline = Deadline(SECONDS_TO_END)
                process.terminate()
        status = process.wait(Deadline(SECONDS_TO_END))
        if end is not None:
            return broken_off(run, end)
        if status != run.exit_code:
            return failed(run, process.exit_reason(), _exit_code(status))
    return run.column()


def broken_off(run: Run, end: BaseException) -> Column:
    """The column of a run that an error ended, or an interruption before every claim was judged."""
    if isinstance(end, KeyboardInterrupt):
        if run.not_judged:
            run.interrupted = signal_behind(end).name
        return run.column()
    if isinstance(end, HarnessError):
        return failed(run, f"The run was broken off: {end}", end.exit_code)
    return failed(run, f"The run was broken off: {type(end).__name__}: {end}", ExitCode.UNEXPECTED)


def not_in_time(seconds: float) -> TimeLimitError:
    """What ends a run that takes too long."""
    return TimeLimitError(f"not done within {seconds:g} s")


def failed(run: Run, reason: str, exit_code: ExitCode) -> Column:
    """The column of a run that did not finish."""
    run(Failed(target=run.target, failure=Failure(message=reason, exit_code=exit_code)))
    return run.column()


def _command(target: str, claims: Sequence[str]) -> list[str]:
    return [*COMMAND, "verify", f"--target={target}", *claims, "--", "-p", "harness.matrix.event_writer"]


def _exit_code(status: int) -> ExitCode:
    """The meaning of a status that the run's events do not explain; after a signal the device is lost too."""
    if status < 0:
        return ExitCode.DEVICE_LOST
    return ExitCode(status) if status in set(ExitCode) - {ExitCode.AS_EXPECTED} else ExitCode.UNEXPECTED
