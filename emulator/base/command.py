"""Runs a program of the system to its end: with a time limit, and an error that says what to do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from emulator.base.errors import SetupError
from emulator.base.prerequisites import install_command, package_of

ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
"""Prefix of a command that the kernel ends when the thread that started it ends, even by SIGKILL."""

SHOWN_LINES = 15


@contextlib.contextmanager
def started(
    command: Sequence[str],
    *,
    output: IO[bytes] | int,
    errors: IO[bytes] | int,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command without input; unless the block awaits its end, its process group is ended after that.

    `output` and `errors` are open files, or subprocess.PIPE.
    """
    try:
        process = subprocess.Popen(
            [*ENDS_WITH_US, *command],
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise missing_program(ENDS_WITH_US[0]) from error
    try:
        yield process
    finally:
        if process.returncode is None:  # what it started may live, though it has ended itself
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    needs: str = "",
) -> str:
    """Run `command` for at most `seconds` and return its standard output.

    Raises SetupError when the program is missing (naming its package), fails (with its last lines and
    `needs`, what usually fixes it) or does not end in time. Its whole process group is ended then.
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
            written = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"`{' '.join(words)}` did not end within {seconds:.0f} s") from error
    output, errors = (text.decode(errors="replace") for text in written)
    if process.returncode == 127 and package_of(words[0]):
        raise missing_program(words[0])
    if process.returncode != 0:
        shown = "\n".join((output + errors).strip().splitlines()[-SHOWN_LINES:])
        raise SetupError(
            f"`{' '.join(words)}` failed (exit {process.returncode}):\n{shown}\n{needs}".rstrip()
        )
    return output


def missing_program(program: str) -> SetupError:
    """The error for a program that is not installed; its last line is the command that installs it."""
    package = package_of(program)
    remedy = f"Install it:\n  {install_command([package])}" if package else "Install it and try again."
    return SetupError(f"The program {program} is not installed. {remedy}")
