"""Ends an experiment that takes too long, wherever it waits."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from emulator.base.errors import TimeLimitError, UsageError
from emulator.base.interruption import AGAIN_AFTER, is_locking_a_module


class _TimeIsUp(BaseException):
    """Not an Exception, and above all no OSError: the experiment must not take it for a result."""


def _time_is_up(_signal: int, frame: FrameType | None) -> None:
    if is_locking_a_module(frame):
        signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER)
    else:
        raise _TimeIsUp


def seconds_in(text: str) -> float:
    """The time limit that a user wrote; UsageError where it is none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"{text!r} is no time limit: give seconds, more than 0")
    return seconds


@contextlib.contextmanager
def time_limit(seconds: float, awaited: str) -> Iterator[None]:
    """Raise TimeLimitError, naming what was awaited, if the block takes longer than `seconds`.

    This stands behind the deadlines of the waits themselves. It needs the main thread, where signals
    arrive; elsewhere those deadlines are all there is. An enclosing limit or pytest-timeout stays in force.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    started = time.monotonic()
    outer_handler = signal.signal(signal.SIGALRM, _time_is_up)
    outer_seconds, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _TimeIsUp:
        raise TimeLimitError(f"{awaited} did not finish within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, outer_handler)
        if outer_seconds:
            elapsed = time.monotonic() - started
            signal.setitimer(signal.ITIMER_REAL, max(outer_seconds - elapsed, 0.001))
