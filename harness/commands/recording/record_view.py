"""Shows a recording: a live table on a terminal, a line now and then elsewhere, and a summary at the end."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from emulator.base.printable import show
from harness.recording.hops import loss_lines
from harness.recording.live import Recorder
from harness.recording.statistics import Key, Row
from harness.report.terminal.console import PrintableConsole, console_for

LIVE_ROWS = 15
SUMMARY_ROWS = 40
UPDATE_SECONDS = 0.5
LINE_SECONDS = 5.0
"""Between two lines where there is no terminal."""
WINDOW_SECONDS = 3.0
"""Rates are those of so many seconds."""
MOST_HOLDERS = 3
_FIGURES = ("p50", "p99", "bytes", "largest", "failed")
_GAP = 2
"""Blanks between two columns."""
_NARROWEST = 20


class RecordView:
    """A view of a recording that goes on."""

    def __init__(self, recorder: Recorder, console: Console, live: Live | None) -> None:
        self._recorder = recorder
        self._console = console
        self._live = live
        self._due = 0.0
        self._earlier: deque[tuple[float, dict[Key, int]]] = deque()

    def update(self) -> None:
        """Show the present state, if it is time to."""
        now = time.monotonic()
        if now < self._due:
            return
        if self._live is not None:
            self._due = now + UPDATE_SECONDS
            self._live.update(self._table(now), refresh=True)
        else:
            first, self._due = self._due == 0.0, now + LINE_SECONDS
            if not first:
                show(_headline(self._recorder), errors=True, flush=True)

    def _table(self, now: float) -> Group:
        recorder = self._recorder
        with recorder.lock:
            rows = recorder.statistics.by_interface()
            held = sorted(recorder.held.processes.items(), key=lambda item: -item[1].bytes)
        counts = {key: row.count for key, row in rows.items()}
        self._earlier.append((now, counts))
        while now - self._earlier[0][0] > WINDOW_SECONDS:
            self._earlier.popleft()
        since, before = self._earlier[0]
        span = max(now - since, UPDATE_SECONDS)
        rates = {key: (count - before.get(key, 0)) / span for key, count in counts.items()}
        shown = sorted(rows, key=lambda key: (-rates[key], -counts[key]))[:LIVE_ROWS]
        table = _table(
            "calls/s", [(key, rows[key], f"{rates[key]:,.1f}") for key in shown], self._console.width
        )
        holders = ", ".join(
            f"{recorder.name_of(process)} ({process}) {each.bytes:,} bytes in {each.count:,}"
            for process, each in held[:MOST_HOLDERS]
            if each.count
        )
        left_out = f"{len(rows) - LIVE_ROWS:,} more rows. " if len(rows) > LIVE_ROWS else ""
        return Group(
            Text(_headline(recorder)),
            table,
            Text(f"{left_out}Buffers in use: {holders or 'none'}. Ctrl-C ends the recording."),
        )


@contextlib.contextmanager
def record_view(recorder: Recorder) -> Iterator[RecordView]:
    """A view on standard error, which is removed at the end: standard output is the command's."""
    console = PrintableConsole(sys.stderr)
    if not console.is_terminal:
        yield RecordView(recorder, console, None)
        return
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as live:
        yield RecordView(recorder, console, live)


def show_summary(recorder: Recorder) -> None:
    """Print the rows of a recording that has ended, those with most calls first."""
    rows = recorder.statistics.rows
    console = console_for(sys.stdout)
    shown = sorted(rows, key=lambda key: -rows[key].count)[:SUMMARY_ROWS]
    show(_headline(recorder))
    if rows:
        cells = [(key, rows[key], f"{rows[key].count:,}") for key in shown]
        console.print(_table("calls", cells, console.width))
    elif not recorder.lost:
        show(
            "Nothing was recorded: no process of the device made a call in this time, on any of its binder "
            "devices.",
            errors=True,
        )
    if len(rows) > SUMMARY_ROWS:
        show(f"{len(rows) - SUMMARY_ROWS:,} more rows are in a .json file")


def _headline(recorder: Recorder) -> str:
    seconds, transactions = recorder.seconds, recorder.statistics.transactions
    loss = " ".join(loss_lines(recorder.lost)) or "nothing lost"
    if recorder.unreadable:
        loss += f", {recorder.unreadable:,} pages or events unreadable"
    return f"{transactions:,} transactions in {seconds:.1f} s ({recorder.events:,} events), {loss}"


def _table(count: str, rows: Iterable[tuple[Key, Row, str]], width: int) -> Table:
    """Caller, callee and what is called side by side; one below the other where that breaks names."""
    cells = [(key, row, _figures(row, shown)) for key, row, shown in rows]
    headings = (count, *_FIGURES)
    columns = zip(headings, *(figures for _, _, figures in cells), strict=True)
    room = width - sum(max(map(len, column)) + _GAP for column in columns)
    names: list[tuple[str, ...]] = [(_ends(key), _called(key, row)) for key, row, _ in cells]
    beside = sum(max(map(len, column), default=0) for column in zip(*names, strict=True)) + _GAP
    table = Table(box=None, header_style="bold", pad_edge=False)
    if beside <= room:
        table.add_column("caller → callee")
        table.add_column("calls what")
    else:
        table.add_column("caller → callee: calls what", overflow="fold")
        room = max(room, _NARROWEST)
        names = [("\n".join((*broken(ends, room), *broken(f"  {what}", room))),) for ends, what in names]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for (_, _, figures), name in zip(cells, names, strict=True):
        table.add_row(*map(Text, name), *figures)
    return table


def broken(text: str, width: int) -> list[str]:
    """The text in lines of that width, broken at blanks and behind dots alone; further lines are indented."""
    lines: list[str] = []
    current = ""
    for piece in re.findall(r" *(?:[^ .]*\.|[^ .]+)", text):
        if current.strip() and len(current) + len(piece) > width:
            lines.append(current)
            current = f"    {piece.lstrip()}"
        else:
            current += piece
    return [*lines, current]


def _ends(key: Key) -> str:
    return f"{key.caller or '?'} → {key.callee or '?'}"


def _called(key: Key, row: Row) -> str:
    what = ".".join(filter(None, (key.interface.rpartition(".")[2], key.method)))
    return f"{what or 'unknown interface'}{' (one-way)' if row.one_way and not row.calls else ''}"


def _figures(row: Row, count: str) -> tuple[str, ...]:
    """Of calls with the round trip, of one-way transactions with the time until they are received."""
    times = row.round_trips if row.calls else row.deliveries
    return (
        count,
        *(duration(times.quantile(share)) for share in (0.5, 0.99)),
        f"{row.bytes / row.count:,.0f}" if row.count else "-",
        f"{row.largest:,}",
        f"{row.failures:,}" if row.failures else "",
    )


def duration(seconds: float | None) -> str:
    """A duration with three digits and its unit."""
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
