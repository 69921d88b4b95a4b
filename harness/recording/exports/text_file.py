"""A recording as text: a line for each transaction, as in `Hops.text`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.kernel.tracing.binder_transactions import Hop
from harness.recording.exports.export import Beginning, End
from harness.recording.hops import line_of, loss_lines


class TextFile:
    """Writes each line as it comes, and at the end whether anything is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start: float | None = None

    def begin(self, beginning: Beginning) -> None:
        """Create the file, with a line about the device."""
        self._names = beginning.names
        self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        android = f", Android {beginning.android_release}" if beginning.android_release else ""
        self._file.write(f"# {beginning.serial}: Linux {beginning.kernel_release}{android}\n")

    def add(self, hops: Sequence[Hop]) -> None:
        """Write a line for each."""
        for hop in hops:
            if self._start is None:
                self._start = hop.sent
            self._file.write(f"{line_of(hop, self._start, self._names)}\n")

    def end(self, end: End) -> None:
        """Write what was lost, and close the file."""
        for line in loss_lines(end.lost):
            self._file.write(f"# {line}\n")
        self._file.write(f"# {end.statistics.transactions:,} transactions in {end.seconds:.1f} s\n")
        self._file.close()
