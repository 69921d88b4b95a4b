"""Judges claims on one device in a process of its own: nothing of one device's run reaches another's."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from emulator.deadline import Deadline
from emulator.errors import ExitCode
from harness.matrix.listener import Listener
from harness.matrix.notes import OPTION
from harness.matrix.telling_process import TellingProcess
from harness.report.matrix import Column
from harness.report.run import Failure, Note, Run

COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")
SECONDS = 3600.0
"""What one device may take, with the download and build of its kernel and userland."""
SECONDS_TO_END = 20.0
"""What the process may take to close its device once it is told to end."""
ENDED_EARLY = "The run was ended before it was done with this device."


def judge_on(target: str, claims: Sequence[str], *, listener: Listener, wanted: Callable[[], bool]) -> Column:
    """Judge claims, by id, on the device of `target`, for as long as that is `wanted`.

    What the device or the process does is told by the column, beside all that was found until then. Raises
    SetupError where no process can be started.
    """
    run = Run(target, datetime.now(UTC))
    if not wanted():
        return failed(run, ENDED_EARLY)
    listener.started(target, "")
    deadline, reason = Deadline(SECONDS), ""
    with TellingProcess(_command(target, claims), pipe_option=OPTION) as process:
        for line in process.lines():
            if line is not None:
                _take(line, run, listener)
            if reason:
                process.kill_after(deadline)
            elif deadline.expired or not wanted():
                reason = f"Not done within {SECONDS:g} s." if deadline.expired else ENDED_EARLY
                deadline = Deadline(SECONDS_TO_END)
                process.terminate()
        status = process.wait(Deadline(SECONDS_TO_END))
        if reason:
            return failed(run, reason)
        if status != run.exit_code:
            return failed(run, process.how_it_ended(), _exit_code(status))
    return Column.of(run)


def failed(run: Run, reason: str, exit_code: ExitCode = ExitCode.DEVIATION) -> Column:
    """The column of a run that did not go to its end."""
    run.take(Note(failure=Failure(message=reason, exit_code=exit_code)))
    return Column.of(run)


def _command(target: str, claims: Sequence[str]) -> list[str]:
    return [*COMMAND, "verify", f"--target={target}", *claims, "--", "-p", "harness.matrix.notes"]


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
    return ExitCode(status) if status in set(ExitCode) - {ExitCode.AS_KNOWN} else ExitCode.DEVIATION
