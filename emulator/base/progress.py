"""Reports what a long step is doing; front ends decide where that is shown."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from emulator.base.printable import show

Report = Callable[[str], None]
"""Takes one line of progress."""


def to_stderr(line: str) -> None:
    """Show a line on standard error: the default, without a front end."""
    show(line, errors=True, flush=True)


_receiver: ContextVar[Report] = ContextVar("receiver", default=to_stderr)

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def reporting_to(receiver: Report) -> Iterator[None]:
    """Send the progress of everything inside the block to `receiver`."""
    token = _receiver.set(receiver)
    try:
        yield
    finally:
        _receiver.reset(token)


def report(line: str) -> None:
    """Report one line of progress."""
    _receiver.get()(line)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Report the begin of a step that may take over two seconds, and at its end how long it took."""
    report(f"{what} …")
    logger.info("begin: %s", what)
    started = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - started
        logger.info("end after %.1f s: %s", seconds, what)
    report(f"{what}: {seconds:.1f} s")
