"""Shows a matrix while it is made: how far the whole is, and each device."""

from __future__ import annotations

import contextlib
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness.matrix.child import interrupted
from harness.report.matrix import Column
from harness.report.run import Note, Run

WHOLE = "all devices"
SHOWN = 240
"""So much of a failure stands in a line of progress; the table has all of it."""


class MatrixView:
    """A listener: live on a terminal, plain lines elsewhere; keeps the columns."""

    def __init__(
        self, console: Console, progress: Progress, targets: Sequence[str], claims: Sequence[str]
    ) -> None:
        self._console = console
        self._progress = progress
        self._targets = targets
        self._claims = claims
        self._whole = progress.add_task(WHOLE, total=len(claims) * len(targets), doing="")
        self._tasks: dict[str, TaskID] = {
            target: progress.add_task(target, total=len(claims), doing="waiting", start=False)
            for target in targets
        }
        self._judged: dict[str, set[str]] = {target: set() for target in targets}
        self._columns: dict[str, Column] = {}
        self._lock = threading.Lock()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those that there are, in the order of the targets."""
        return tuple(self._columns[target] for target in self._targets if target in self._columns)

    def started(self, target: str, where: str) -> None:
        """Begin to count anew."""
        self._judged[target] = set()
        self._progress.reset(self._tasks[target])
        self._show(target, f"on {where}" if where else "starting")

    def said(self, target: str, line: str) -> None:
        """Show what it does."""
        self._show(target, line)

    def heard(self, target: str, note: Note) -> None:
        """Count a claim that was judged, and show what came of it."""
        result = note.result
        if result is not None:
            self._judged[target].add(result.id)
            deviates = ", NOT AS KNOWN" if result.as_known is False else ""
            self._show(target, f"{result.id}: {result.verdict}{deviates}")

    def ended(self, column: Column) -> None:
        """Keep what came of a device."""
        self._columns[column.target] = column
        self._show(column.target, _end_of(column))

    def end_others(self, sent: signal.Signals) -> None:
        """Keep a column for each device whose run had not begun when the signal ended all."""
        for target in self._targets:
            if target not in self._columns:
                self.ended(interrupted(Run(target, datetime.now(UTC), self._claims), sent))

    def _show(self, target: str, doing: str) -> None:
        with self._lock:
            doing = " ".join(doing.splitlines())
            judged = len(self._judged[target])
            whole = sum(map(len, self._judged.values()))
            self._progress.update(self._tasks[target], completed=judged, doing=doing)
            self._progress.update(self._whole, completed=whole)
            if not self._console.is_terminal:
                line = (
                    f"[{whole:>3}/{len(self._claims) * len(self._targets)}] "
                    f"{target} [{judged:>2}/{len(self._claims)}] {doing}"
                )
                self._console.print(line, markup=False, soft_wrap=True)


def _end_of(column: Column) -> str:
    """How the run of a device ended, in a line."""
    if column.document.interrupted is not None:
        return f"ended by {column.document.interrupted}"
    if column.failures:
        return f"failed: {textwrap.shorten(column.failures[-1].message, SHOWN, placeholder=' …')}"
    return "done"


@contextlib.contextmanager
def matrix_view(targets: Sequence[str], claims: Sequence[str]) -> Iterator[MatrixView]:
    """A view on standard error: standard output has the table alone."""
    console = Console(file=sys.stderr, highlight=False)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal,
    )
    with progress:
        yield MatrixView(console, progress, targets, claims)
