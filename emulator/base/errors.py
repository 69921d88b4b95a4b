"""The errors users see: each says what happened, why, and what to do next, and knows its exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script can tell from `binder-harness`'s exit status."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    USAGE = 2
    DEVICE_LOST = 3
    SETUP_MISSING = 4


class HarnessError(Exception):
    """Anything this project refuses or gives up on; the message is written for the user."""

    exit_code = ExitCode.UNEXPECTED


class UsageError(HarnessError):
    """The caller asked for something that does not exist; the message lists what does."""

    exit_code = ExitCode.USAGE


class SetupError(HarnessError):
    """Something the machine must provide is missing; the message names the command that fixes it."""

    exit_code = ExitCode.SETUP_MISSING


class DeviceLostError(HarnessError):
    """The device panicked, exited or fell silent; the message ends in its last console lines."""

    exit_code = ExitCode.DEVICE_LOST


class TimeLimitError(HarnessError, TimeoutError):
    """A wait reached its deadline; the message says what was awaited and for how long."""


def interruption_behind(error: BaseException) -> KeyboardInterrupt | None:
    """What ended the run, where this error came up in the clean-up after it, and took its place."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind
