"""How a process ended, from any source."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """An exit code, or the signal that killed the process."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_shell(cls, status: int) -> ExitStatus:
        """From a shell's `$?`, where 128 + n means signal n; adbd reports the same."""
        return cls(signal=status - 128) if status > 128 else cls(code=status)

    @classmethod
    def from_wait(cls, status: int) -> ExitStatus:
        """From the status that wait4(2) stores."""
        return cls(signal=status & 0x7F) if status & 0x7F else cls(code=status >> 8 & 0xFF)

    @property
    def in_shell(self) -> int:
        """What a shell's `$?` is: 128 + n for signal n."""
        return self.code or 0 if self.signal is None else 128 + self.signal

    def __str__(self) -> str:
        if self.signal is None:
            return f"exited with status {self.in_shell}"
        try:
            return f"was killed by {signal.Signals(self.signal).name}"
        except ValueError:
            return f"was killed by signal {self.signal}"
