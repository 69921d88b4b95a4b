"""Shows the progress of a matrix: of all devices together, and of each."""

from __future__ import annotations

import contextlib
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from harness.commands.claims.live.progress import live_progress, print_line
from harness.matrix.target_run import aborted_column
from harness.report.events import Ended, Event, Judged, Line, Started
from harness.report.matrix import Column
from harness.report.run import Run
from harness.report.terminal.console import PrintableConsole

WHOLE = "all devices"
FAILURE_LENGTH = 240
"""The longest failure, in characters, in a line of progress; the table has all of it."""


class MatrixView:
    """A view of several runs: live on a terminal, plain lines elsewhere; collects the columns."""

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
        """The columns so far, in the order of the targets."""
        return tuple(self._columns[target] for target in self._targets if target in self._columns)

    def __call__(self, event: Event) -> None:
        """Show an event; the last one of a run has its column."""
        match event:
            case Started(target=target, where=where):
                self._judged[target] = set()
                self._progress.reset(self._tasks[target])
                self._show(target, f"on {where}" if where else "starting")
            case Line(target=target, text=text):
                self._show(target, text)
            case Judged(target=target, result=result):
                self._judged[target].add(result.id)
                unexpected = ", UNEXPECTED" if result.as_expected is False else ""
                self._show(target, f"{result.id}: {result.verdict}{unexpected}")
            case Ended(target=target, column=column):
                self._columns[target] = column
                self._show(target, _end_of(column))

    def end_others(self, end: BaseException) -> None:
        """Add a column for each device whose run had not begun at an interruption or error."""
        for target in self._targets:
            if target not in self._columns:
                column = aborted_column(Run(target, datetime.now(UTC), self._claims), end)
                self(Ended(target=target, column=column))

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
                print_line(self._console, line)


def _end_of(column: Column) -> str:
    """The end of a device's run, in one line."""
    if column.document.interrupted is not None:
        return f"interrupted by {column.document.interrupted}"
    if column.failures:
        return f"failed: {textwrap.shorten(column.failures[-1].message, FAILURE_LENGTH, placeholder=' …')}"
    return "done"


@contextlib.contextmanager
def matrix_view(targets: Sequence[str], claims: Sequence[str]) -> Iterator[MatrixView]:
    """A view on standard error: standard output has only the table."""
    console = PrintableConsole(sys.stderr)
    name = TextColumn("{task.description}", markup=False)
    progress = live_progress(console, name, BarColumn(bar_width=20), text="{task.fields[doing]}")
    with progress:
        yield MatrixView(console, progress, targets, claims)
