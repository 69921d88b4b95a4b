"""Why a run failed, and the exit status that follows from several failures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.base.errors import ExitCode

GRAVEST_FIRST = (
    ExitCode.DEVICE_LOST,
    ExitCode.SETUP_MISSING,
    ExitCode.USAGE,
    ExitCode.UNEXPECTED,
    ExitCode.AS_EXPECTED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no device, or how it was lost: the error's message and its exit code."""

    message: str
    exit_code: ExitCode


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """The gravest of several exit codes: a lost or missing device outweighs an unexpected result."""
    return min(codes, key=GRAVEST_FIRST.index, default=ExitCode.AS_EXPECTED)
