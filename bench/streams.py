"""Reads a given number of bytes of a program's output, and stops when the program ends."""

from __future__ import annotations

from typing import Protocol

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError


class Output(Protocol):
    """The output of a program on the device."""

    @property
    def standard_error(self) -> str:
        """The end of its standard error."""
        ...

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """The next bytes; b"" at the end."""
        ...


def receive_exactly(output: Output, size: int, deadline: Deadline) -> bytes:
    """The next `size` bytes; HarnessError where the output ends before, TimeLimitError at the deadline."""
    received = b""
    while len(received) < size:
        piece = output.receive(size - len(received), deadline)
        if not piece:
            raise HarnessError(f"a program ended after {received!r} {output.standard_error}".rstrip())
        received += piece
    return received
