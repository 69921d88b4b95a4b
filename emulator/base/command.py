"""Runs a system program to its end: with a time limit, and with an error that shows what to do."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, TimeLimitError
from emulator.base.lines import last_lines
from emulator.base.prerequisites import install_command, package_of

PROGRESS_SECONDS = 5.0
GROUP_ENDS_WITHIN = 5.0
_SUPERVISOR = "setpriv"
UNLESS_ORPHANED = '[ "$PPID" = "$0" ] && exec setpriv --pdeathsig keep -- "$@"'
"""Starts a command in this shell's place, unless the process whose id comes first is no longer its parent.

The kernel sends the signal of prctl(2), PR_SET_PDEATHSIG, only for a parent that ends after the call.
"""

logger = logging.getLogger(__name__)


def ends_with_us() -> tuple[str, ...]:
    """The prefix of a command that the kernel ends when the thread that starts it ends, even by SIGKILL."""
    return (_SUPERVISOR, "--pdeathsig", "KILL", "--", "sh", "-c", UNLESS_ORPHANED, str(os.getpid()))


def script(module: str, name: str, *arguments: str) -> list[str]:
    """The command that runs a shell script beside a module, whose `__file__` is given, here or on a host.

    The script goes with the command, so that it need not be on that host; `$1` is the first argument, and
    `$0`, which begins a shell's own errors, the script's name.
    """
    return ["sh", "-c", Path(module).with_name(name).read_text(encoding="utf-8"), name, *arguments]


def shown(command: Sequence[str]) -> str:
    """A command as messages quote it: a script of several lines is `…`, and its name follows."""
    return " ".join("…" if "\n" in word else shlex.quote(word) for word in command)


def await_group_end(group: int) -> None:
    """Wait, for 5 s at most, until all of a process group have ended that has been killed.

    Its first process may end before others, which have their memory to give back. A zombie has ended: its new
    parent collects it when it likes.
    """
    with contextlib.suppress(TimeLimitError):
        Deadline(GROUP_ENDS_WITHIN).poll(lambda: not _group_runs(group), f"the end of process group {group}")


def _group_runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # of root's, that sudo has started
        return False
    for file in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended meanwhile
            # proc_pid_stat(5): the state, the parent and the group follow the name, which is in parentheses.
            state, _, its_group = file.read_text(errors="replace").rpartition(") ")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def missing_supervisor(error: OSError) -> SetupError | None:
    """The error for a command with that prefix that could not be started, if that is why."""
    return missing_program(_SUPERVISOR) if error.filename == _SUPERVISOR else None


@contextlib.contextmanager
def started(
    command: Sequence[str],
    *,
    output: IO[bytes] | int,
    errors: IO[bytes] | int,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command without input for a block, which may wait for its end.

    Otherwise its whole process group is ended with the block. `output` and `errors` are open files, or
    subprocess.PIPE.
    """
    logger.debug("run: %s", shown(command))
    try:
        process = subprocess.Popen(
            [*ends_with_us(), *command],
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise missing_supervisor(error) or error from error
    try:
        yield process
    finally:
        if process.returncode is None:  # it may have ended itself, but not what it started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            await_group_end(process.pid)
        for pipe in filter(None, (process.stdout, process.stderr)):
            pipe.close()


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    needs: str | Callable[[str], str] = "",
    progress: Callable[[str], None] | None = None,
) -> str:
    """Run `command` for at most `seconds` and return its standard output.

    Raises SetupError when the program is missing (with its package), fails (with its last lines and `needs`,
    what usually fixes it, or a function that finds that in what it wrote) or does not end in time. Then its
    whole process group is ended. `progress` is given the last line of its output every few seconds.
    """
    words = [str(word) for word in command]
    with started(
        words,
        output=subprocess.PIPE,
        errors=subprocess.PIPE,
        directory=directory,
        environment={"LC_ALL": "C.UTF-8", **(environment or {})},
    ) as process:
        try:
            written = _communicate(process, seconds, progress)
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"`{shown(words)}` did not end within {seconds:g} s.") from error
    output, errors = (text.decode(errors="replace") for text in written)
    if process.returncode == 127 and package_of(words[0]):
        raise missing_program(words[0])
    if process.returncode != 0:
        fix = needs if isinstance(needs, str) else needs(output + errors)
        end = f"{last_lines(output + errors)}\n{fix}".strip()
        raise SetupError(f"`{shown(words)}` failed with status {process.returncode}:\n{end}".rstrip())
    return output


def _communicate(
    process: subprocess.Popen[bytes], seconds: float, progress: Callable[[str], None] | None
) -> tuple[bytes, bytes]:
    """What it writes until it ends; raises TimeoutExpired after so many seconds."""
    deadline = Deadline(seconds)
    while True:
        try:
            return process.communicate(timeout=min(PROGRESS_SECONDS, deadline.remaining()))
        except subprocess.TimeoutExpired as error:
            if deadline.expired:
                raise
            if progress is not None and error.output:
                progress(last_lines(error.output.decode(errors="replace"), 1))


def missing_program(program: str) -> SetupError:
    """The error for a program that is not installed; its last line is the command that installs it."""
    package = package_of(program)
    remedy = f"Install it:\n  {install_command([package])}" if package else "Install it and try again."
    return SetupError(f"The program {program} is not installed. {remedy}")
