"""Has a command run when this process ends, however it ends: for what a device's own tools leave running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from emulator.base.deadline import Deadline

# $@: the command. The pipe closes with the last process that could write to it: ours.
WAITS = 'cat > /dev/null; exec "$@" > /dev/null 2>&1'


class CleanupCommand:
    """A command that waits for its hour: the call of `execute`, or the end of this process."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self._waiting = subprocess.Popen(
            ["sh", "-c", WAITS, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def execute(self, deadline: Deadline) -> int | None:
        """Run the command now and wait for its end; its status, None where it takes too long."""
        assert self._waiting.stdin is not None
        self._waiting.stdin.close()
        try:
            return self._waiting.wait(deadline.remaining())
        except subprocess.TimeoutExpired:
            return None
