"""Judges claims on one device in a process of its own, so that the runs of several devices stay separate."""

from __future__ import annotations

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

SECONDS = 3600.0
"""The limit for one device, including the download and build of its kernel and userland."""
SECONDS_TO_END = 20.0
"""How long the process may take to close its device after SIGTERM."""


def judge_on(
    target: str,
    claims: Sequence[str],
    sources: Sequence[str] = (),
    *,
    view: View,
    ended_by: Callable[[], BaseException | None],
    where: str = "",
    seconds: float = SECONDS,
    seconds_to_end: float = SECONDS_TO_END,
) -> Column:
    """Judge claims, by id, on the device of `target`, until `ended_by` returns what ends the whole matrix.

    `sources` are those of claims from elsewhere, as `--claims` names them; `where` names the machine. `view`
    gets every event but the last. A lost device or a process that died is in the column as a failure, beside
    the results until then. Raises SetupError where no process can be started.
    """
    run = Run(target, datetime.now(UTC), claims)
    end = ended_by()
    if end is not None:
        return aborted_column(run, end)
    view(Started(target=target, where=where))
    deadline = Deadline(seconds)
    with WorkerProcess(_words(target, claims, sources), pipe_option=OPTION) as process:
        for line in process.lines():
            if line is not None:
                event = decode(line)
                run(event)
                view(event)
            if end is not None:
                process.kill_after(deadline)
                continue
            end = ended_by() or (time_limit_error(seconds) if deadline.expired else None)
            if end is not None:
                deadline = Deadline(seconds_to_end)
                process.terminate()
        status = process.wait(Deadline(seconds_to_end))
        if end is not None:
            return aborted_column(run, end)
        if status != run.exit_code:
            return failed_column(run, process.exit_reason(), exit_code_of(status))
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


def time_limit_error(seconds: float) -> TimeLimitError:
    """The error that ends a run which takes too long."""
    return TimeLimitError(f"not done within {seconds:g} s")


def failed_column(run: Run, reason: str, exit_code: ExitCode) -> Column:
    """The column of a run that did not finish."""
    run(Failed(target=run.target, failure=Failure(message=reason, exit_code=exit_code)))
    return run.column()


def _words(target: str, claims: Sequence[str], sources: Sequence[str]) -> list[str]:
    return [
        "verify",
        f"--target={target}",
        "--jobs=1",
        *(f"--claims={source}" for source in sources),
        *claims,
        "--",
        "-p",
        "harness.matrix.event_writer",
    ]


def exit_code_of(status: int) -> ExitCode:
    """The exit code for a status that the run's events do not explain; after a signal the device is lost."""
    if status < 0:
        return ExitCode.DEVICE_LOST
    return ExitCode(status) if status in set(ExitCode) - {ExitCode.AS_EXPECTED} else ExitCode.UNEXPECTED
