"""The signals that end a run before its time, as an exception: once, so that it ends in order."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, what sends whoever supervises the run, and what is sent when its terminal is closed."""


class Interrupted(KeyboardInterrupt):
    """One of these signals arrived."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__(sent.name)
        self.sent = sent


class _EndOfPrompt(SystemExit):
    """One of these signals arrived at a prompt, for which all exceptions but SystemExit only end a line."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__(status_after(sent))
        self.sent = sent


def raise_on_signals() -> None:
    """Have the first of these signals raise Interrupted; those that `nohup` has ignored stay ignored."""
    for ending in ENDING:
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, _raise)


def signal_behind(interruption: KeyboardInterrupt) -> signal.Signals:
    """The signal that an interruption stands for."""
    return interruption.sent if isinstance(interruption, Interrupted) else signal.SIGINT


def status_after(sent: signal.Signals) -> int:
    """What a process that the signal has ended ends with, as shells count."""
    return 128 + sent


@contextlib.contextmanager
def at_a_prompt() -> Iterator[None]:
    """Have each Ctrl-C of the block raise KeyboardInterrupt: at a prompt, it ends a line and not the run.

    Another of these signals still ends the run, with Interrupted as everywhere else.
    """
    before = {ending: signal.getsignal(ending) for ending in ENDING}
    for ending, handler in before.items():
        if ending is signal.SIGINT:
            signal.signal(ending, signal.default_int_handler)
        elif handler is _raise:
            signal.signal(ending, _end_prompt)
    try:
        yield
    except _EndOfPrompt as end:
        raise Interrupted(end.sent) from None
    finally:
        for ending, handler in before.items():
            if signal.getsignal(ending) is not _pass:
                signal.signal(ending, handler)


def _raise(sent: int, _frame: FrameType | None) -> None:
    _pass_what_follows()
    raise Interrupted(signal.Signals(sent))


def _end_prompt(sent: int, _frame: FrameType | None) -> None:
    _pass_what_follows()
    raise _EndOfPrompt(signal.Signals(sent))


def _pass_what_follows() -> None:
    # A closed terminal has both the kernel and the shell send SIGHUP, and who waits after Ctrl-C presses it
    # again: what the first one began to close is to be closed to its end. A handler, for programs that are
    # started meanwhile would inherit SIG_IGN.
    for ending in ENDING:
        if signal.getsignal(ending) in (_raise, _end_prompt, signal.default_int_handler):
            signal.signal(ending, _pass)
    _leave_closed_terminal()


def _pass(_sent: int, _frame: FrameType | None) -> None:
    _leave_closed_terminal()


def _leave_closed_terminal() -> None:
    """Have whatever is still said to a terminal that was closed go nowhere, where it would be an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # the one that listed the others is closed by now
            file = os.readlink(f"/proc/self/fd/{descriptor}")
            if file.startswith(("/dev/pts/", "/dev/tty", "/dev/console")) and not os.isatty(descriptor):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
