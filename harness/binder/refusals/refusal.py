"""What is known of one error."""

from __future__ import annotations

from dataclasses import dataclass

NOBODY = "nobody"
"""Who is at fault where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one error means."""

    meaning: str
    at_fault: str
    """Which process."""
    decided_by: str
    """What of the device or of the processes decides whether it happens."""
    look_at: str
    """What to look at next."""
    claims: tuple[str, ...] = ()
    """The claims that measure it."""
