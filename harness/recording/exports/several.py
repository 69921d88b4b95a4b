"""The files of one recording: one that cannot be written on is given up, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from emulator.base.errors import SetupError, reason_of
from emulator.base.progress import report
from harness.kernel.tracing.binder_transactions import Hop
from harness.recording.exports.export import Beginning, End, Export


class SeveralExports:
    """All that a recording is written to."""

    def __init__(self, exports: Sequence[Export]) -> None:
        self._written_on = list(exports)
        self._given_up: list[Path] = []

    def begin(self, beginning: Beginning) -> None:
        """Create the files; OSError where one cannot be."""
        for export in self._written_on:
            export.begin(beginning)

    def add(self, hops: Sequence[Hop]) -> None:
        """Write some transactions; SetupError where no file is left that takes them."""
        self._each(lambda export: export.add(hops))
        if not self._written_on:
            self._raise_for_given_up()

    def end(self, end: End) -> None:
        """Write the rest, and close the files; SetupError where any is not whole."""
        self._each(lambda export: export.end(end))
        self._raise_for_given_up()

    def _raise_for_given_up(self) -> None:
        if self._given_up:
            files = ", ".join(map(str, self._given_up))
            raise SetupError(f"Not whole: {files}. Free some space, or write to another disk.")

    def _each(self, action: Callable[[Export], None]) -> None:
        for export in tuple(self._written_on):
            try:
                action(export)
            except OSError as error:
                self._written_on.remove(export)
                self._given_up.append(export.path)
                report(f"{export.path} cannot be written on: {reason_of(error)}; it keeps what it has")
