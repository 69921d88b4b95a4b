"""Tells the user what a long step is doing, without deciding where that is shown."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Report = Callable[[str], None]
"""Takes one line of progress."""


def to_stderr(line: str) -> None:
    """Show a line on standard error: what happens where no front end listens."""
    print(line, file=sys.stderr, flush=True)


_report: ContextVar[Report] = ContextVar("report", default=to_stderr)


@contextlib.contextmanager
def reporting_to(report: Report) -> Iterator[None]:
    """Send the progress of everything inside the block to `report`."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def say(line: str) -> None:
    """Report one line of progress."""
    _report.get()(line)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step that may take over two seconds, and say how long it took."""
    say(f"{what} …")
    started = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - started:.1f} s")
