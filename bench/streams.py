"""Takes from a program's output as much as it is to say, and never waits for what cannot come any more."""

from __future__ import annotations

from typing import Protocol

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError


class Output(Protocol):
    """What is read of a program on the device."""

    @property
    def standard_error(self) -> str:
        """The last of what it wrote there."""
        ...

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Some of what came; b"" at the end."""
        ...


def receive_exactly(output: Output, size: int, deadline: Deadline) -> bytes:
    """The next `size` bytes; raises HarnessError where it ends before, TimeLimitError at the deadline."""
    received = b""
    while len(received) < size:
        piece = output.receive(size - len(received), deadline)
        if not piece:
            raise HarnessError(f"a program ended after {received!r} {output.standard_error}".rstrip())
        received += piece
    return received
