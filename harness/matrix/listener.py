"""What is told of a matrix while it is made."""

from __future__ import annotations

from typing import Protocol

from harness.report.matrix import Column
from harness.report.run import Note


class Listener(Protocol):
    """Hears of several devices at once: its methods are called from several threads."""

    def started(self, target: str, where: str) -> None:
        """The run of a device begins, or begins anew, elsewhere; `where` is empty for this machine."""

    def said(self, target: str, line: str) -> None:
        """A long step of it makes progress."""

    def heard(self, target: str, note: Note) -> None:
        """A device is there, a claim was judged, or something failed."""

    def ended(self, column: Column) -> None:
        """All that there will be of a device; once for each."""
