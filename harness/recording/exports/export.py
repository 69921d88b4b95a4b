"""What every kind of file gets of a recording: its beginning, its transactions as they come, its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.framework.transaction_codes import CodeNames
from harness.kernel.tracing.binder_transactions import Hop
from harness.kernel.tracing.recording import Lost
from harness.recording.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known before the first transaction."""

    serial: str
    """The device's."""
    kernel_release: str
    architecture: str
    android_release: str | None
    clock: str
    """The kernel's clock that all times are of; see Documentation/trace/ftrace.rst, trace_clock."""
    names: CodeNames


@dataclass(frozen=True, slots=True)
class End:
    """What is known after the last one."""

    seconds: float
    """How long was recorded."""
    lost: Lost
    unreadable: int
    """Pages or events of the trace that could not be decoded."""
    statistics: Statistics

    @property
    def complete(self) -> bool:
        """Whether the recording has every transaction."""
        return not self.lost and not self.unreadable


class Export(Protocol):
    """A file that is being written; each method raises OSError where that fails."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    def begin(self, beginning: Beginning) -> None:
        """Create the file."""
        ...

    def add(self, hops: Sequence[Hop]) -> None:
        """Write some transactions, in the order of sending."""
        ...

    def end(self, end: End) -> None:
        """Write the rest, and close the file."""
        ...
