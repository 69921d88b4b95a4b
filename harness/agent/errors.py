"""Failures of the connection to an agent; a failed system call is an OSError."""

from __future__ import annotations

from emulator.base.errors import HarnessError
from harness.agent.exit_status import ExitStatus


class ProtocolError(HarnessError):
    """Received bytes that an agent of this version does not send; the connection is closed."""


class AgentDiedError(HarnessError):
    """The agent's process ended while it was still needed; the message has the exit reason.

    `exit_status` is None if it is unknown, for example because the device or adb was lost as well.
    """

    def __init__(self, message: str, *, exit_status: ExitStatus | None) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def cut_off(error: BaseException | None) -> bool:
    """Whether behind an error is the end of the connection to an agent, and not of the agent."""
    while error is not None:
        if isinstance(error, AgentDiedError) and error.exit_status is None:
            return True
        error = error.__cause__ or error.__context__
    return False
