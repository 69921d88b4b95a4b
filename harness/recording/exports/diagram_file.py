"""A recording as a sequence diagram, in Mermaid's language or as SVG: its first transactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.kernel.tracing.binder_transactions import Hop
from harness.recording.exports.export import Beginning, End
from harness.recording.hops import Hops

MOST = 500
"""Transactions in a diagram: more of them nobody can read."""


class DiagramFile:
    """Keeps the first transactions, and draws them at the end."""

    def __init__(self, path: Path, draw: Callable[[Hops], str]) -> None:
        self.path = path
        self._draw = draw
        self._hops: list[Hop] = []
        self.left_out = 0
        """Transactions that are not in the diagram."""

    def begin(self, beginning: Beginning) -> None:
        """Create the file."""
        self._names = beginning.names
        self.path.write_text("", encoding="utf-8")

    def add(self, hops: Sequence[Hop]) -> None:
        """Keep them, as long as there is room."""
        room = MOST - len(self._hops)
        self._hops += hops[:room]
        self.left_out += len(hops[room:])

    def end(self, end: End) -> None:
        """Draw what was kept; the diagram says what is missing."""
        hops = Hops(tuple(self._hops), end.lost, self._names, self.left_out)
        self.path.write_text(self._draw(hops), encoding="utf-8", errors="backslashreplace")


def mermaid_file(path: Path) -> DiagramFile:
    """A diagram in Mermaid's language."""
    return DiagramFile(path, Hops.mermaid)


def svg_file(path: Path) -> DiagramFile:
    """A diagram as SVG."""
    return DiagramFile(path, Hops.svg)
