"""What goes wrong between Python and the agent; a system call that fails there is an OSError instead."""

from __future__ import annotations

from emulator.base.errors import HarnessError
from harness.agent.exit_status import ExitStatus


class ProtocolError(HarnessError):
    """Bytes arrived that the agent of this version does not send; the connection is closed."""


class AgentDiedError(HarnessError):
    """The agent's process ended while it was still needed; the message says how.

    `exit_status` is None where nobody could tell: the device or adb went away with it.
    """

    def __init__(self, message: str, *, exit_status: ExitStatus | None) -> None:
        super().__init__(message)
        self.exit_status = exit_status
