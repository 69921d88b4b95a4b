"""Judges claims on one device in a process of its own: nothing of one device's run reaches another's."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from emulator.base.deadline import Deadline
from emulator.base.errors import ExitCode, HarnessError, TimeLimitError
from emulator.base.interruption import signal_behind
from harness.matrix.event_writer import OPTION
from harness.matrix.listener import Listener
from harness.matrix.worker_process import WorkerProcess
from harness.report.matrix import Column
from harness.report.run import Failure, Note, Run

COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")
SECONDS = 3600.0
"""What one device may take, with the download and build of its kernel and userland."""
SECONDS_TO_END = 20.0
"""What the process may take to close its device once it is told to end."""


def judge_on(
    target: str,
    claims: Sequence[str],
    *,
    listener: Listener,
    ended_by: Callable[[], BaseException | None],
) -> Column:
    """Judge claims, by id, on the device of `target`, until `ended_by` has what ends all devices' runs.

    What the device or the process does is told by the column, beside all that was found until then. Raises
    SetupError where no process can be started.
    """
    run = Run(target, datetime.now(UTC), claims)
    end = ended_by()
    if end is not None:
        return broken_off(run, end)
    listener.started(target, "")
    deadline = Deadline(SECONDS)
    with WorkerProcess(_command(target, claims), pipe_option=OPTION) as process:
        for line in process.lines():
            if line is not None:
                _take(line, run, listener)
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
            return failed(run, process.how_it_ended(), _exit_code(status))
    return Column.of(run)


def broken_off(run: Run, end: BaseException) -> Column:
    """The column of a run that an error ended, or an interruption while something was left to be judged."""
    if isinstance(end, KeyboardInterrupt):
        if run.not_judged:
            run.interrupted = signal_behind(end).name
        return Column.of(run)
    if isinstance(end, HarnessError):
        return failed(run, f"The run was broken off: {end}", end.exit_code)
    return failed(run, f"The run was broken off: {type(end).__name__}: {end}", ExitCode.UNEXPECTED)


def not_in_time(seconds: float) -> TimeLimitError:
    """What ends a run that takes too long."""
    return TimeLimitError(f"not done within {seconds:g} s")


def failed(run: Run, reason: str, exit_code: ExitCode) -> Column:
    """The column of a run that did not go to its end."""
    run.take(Note(failure=Failure(message=reason, exit_code=exit_code)))
    return Column.of(run)


def _command(target: str, claims: Sequence[str]) -> list[str]:
    return [*COMMAND, "verify", f"--target={target}", *claims, "--", "-p", "harness.matrix.event_writer"]


def _take(line: str, run: Run, listener: Listener) -> None:
    message = json.loads(line)
    if "said" in message:
        listener.said(run.target, message["said"])
    else:
        note = Note.from_json(message["note"])
        run.take(note)
        listener.heard(run.target, note)


def _exit_code(status: int) -> ExitCode:
    """What a status means that the run does not account for: by a signal, the device was lost, too."""
    if status < 0:
        return ExitCode.DEVICE_LOST
    return ExitCode(status) if status in set(ExitCode) - {ExitCode.AS_EXPECTED} else ExitCode.UNEXPECTED
