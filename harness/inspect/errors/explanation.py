"""An error with its meaning."""

from __future__ import annotations

from dataclasses import dataclass

from harness.binder.abi.uapi import BinderReturn
from harness.binder.refusals.driver import errno_name
from harness.binder.refusals.refusal import Refusal

_LONGEST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one error means."""

    error: str
    """The line or code, as it was found."""
    meaning: str
    at_fault: str
    decided_by: str
    look_at: str
    claims: tuple[str, ...] = ()
    """The claims that measure it."""
    process: int | None = None
    """The process at fault, where the line shows it."""


def explanation(error: str, entry: Refusal, *, subject: str = "", process: int | None = None) -> Explanation:
    """An entry of the table as the explanation of an error; `subject` comes before its meaning."""
    shown = error if len(error) <= _LONGEST_SHOWN else f"{error[:_LONGEST_SHOWN]}…"
    meaning = f"{subject}: {entry.meaning}" if subject else entry.meaning
    return Explanation(
        shown, meaning, entry.at_fault, entry.decided_by, entry.look_at, entry.claims, process or None
    )


def code_name(code: int, number: int | None) -> str:
    """Such as `BR_FAILED_REPLY (ENOSPC)`; the number of a code that the driver does not have."""
    name = BinderReturn(code).name if code in BinderReturn._value2member_map_ else str(code)
    return f"{name} ({errno_name(number)})" if number else name
