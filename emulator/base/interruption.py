"""The signals that interrupt a run, raised as an exception once, so that everything is closed in order."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Sent by Ctrl-C, by a supervisor such as CI, and when the terminal is closed."""


class Interrupted(KeyboardInterrupt):
    """One of these signals arrived."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__(sent.name)
        self.sent = sent
        self.shown = False
        """Whether the results, on the user's terminal, say so."""


class _EndOfPrompt(SystemExit):
    """One of these signals arrived at a prompt, where every exception but SystemExit ends only a line."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__(status_after(sent))
        self.sent = sent


_received: list[Interrupted] = []
"""The one that was raised, if any."""


def raise_on_signals() -> None:
    """Make the first of these signals raise Interrupted; those that `nohup` ignores stay ignored."""
    _received.clear()
    sys.unraisablehook = _unless_interrupted
    for ending in ENDING:
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, _raise)


def received() -> Interrupted | None:
    """The interruption of this process, also where nothing noticed it: Python ignores what finalizers raise.

    So whoever goes on for long asks from time to time, and whoever ends asks last.
    """
    return _received[0] if _received else None


def mark_shown() -> None:
    """Remember that the results on standard output say that the run was interrupted."""
    for interruption in _received:
        interruption.shown = True


def signal_behind(interruption: KeyboardInterrupt) -> signal.Signals:
    """The signal behind an interruption."""
    return interruption.sent if isinstance(interruption, Interrupted) else signal.SIGINT


def status_after(sent: signal.Signals) -> int:
    """The exit status of a process that the signal has ended, as shells count."""
    return 128 + sent


@contextlib.contextmanager
def at_a_prompt() -> Iterator[None]:
    """Make each Ctrl-C in the block raise KeyboardInterrupt: at a prompt, it ends a line and not the run.

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
            if signal.getsignal(ending) is not _ignore:
                signal.signal(ending, handler)


def _unless_interrupted(unraisable: sys.UnraisableHookArgs) -> None:
    """Show what a finalizer has raised, except an interruption, which is not lost: see `received`."""
    if not isinstance(unraisable.exc_value, Interrupted):
        sys.__unraisablehook__(unraisable)


def _raise(sent: int, _frame: FrameType | None) -> None:
    _ignore_further_signals()
    _received.append(Interrupted(signal.Signals(sent)))
    raise _received[0]


def _end_prompt(sent: int, _frame: FrameType | None) -> None:
    _ignore_further_signals()
    _received.append(Interrupted(signal.Signals(sent)))
    raise _EndOfPrompt(signal.Signals(sent))


def _ignore_further_signals() -> None:
    # When a terminal closes, both the kernel and the shell send SIGHUP, and an impatient user presses Ctrl-C
    # again: neither may interrupt the closing that the first signal began. This is a handler, since programs
    # started in the meantime would inherit SIG_IGN.
    for ending in ENDING:
        if signal.getsignal(ending) in (_raise, _end_prompt, signal.default_int_handler):
            signal.signal(ending, _ignore)
    _leave_closed_terminal()


def _ignore(_sent: int, _frame: FrameType | None) -> None:
    _leave_closed_terminal()


def _leave_closed_terminal() -> None:
    """Redirect output to a closed terminal, which would be an error, to nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # the one that listed the others is closed
            file = os.readlink(f"/proc/self/fd/{descriptor}")
            if file.startswith(("/dev/pts/", "/dev/tty", "/dev/console")) and not os.isatty(descriptor):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
