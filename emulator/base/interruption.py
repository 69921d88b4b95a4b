"""The signals that interrupt a run, raised as an exception once, so that everything is closed in order."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
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


IMPORTING = "<frozen importlib._bootstrap>"
LOCKING = ("_ModuleLock", "_BlockingOn", "_get_module_lock", "_lock_unlock_module")
"""How the names of the functions there begin that have to do with a module's lock (CPython 3.11 to 3.14)."""
AGAIN_AFTER = 0.01
"""Seconds after which a signal comes again that came at a moment in which nothing may be raised."""

_to_come_again: queue.SimpleQueue[int] = queue.SimpleQueue()
"""The signals that came at such a moment."""
_senders: list[threading.Thread] = []
"""The one that sends them, once there has been one."""
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
            signal.signal(ending, _end_line)
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


def is_locking_a_module(frame: FrameType | None) -> bool:
    """Whether Python is taking the lock of a module where it has come to, or giving it back.

    An exception that a signal raises there keeps the lock for as long as its traceback lives (CPython,
    importlib/_bootstrap.py, _ModuleLockManager). Another thread that imports the module then waits for it,
    and whoever waits for that thread while everything is closed waits for ever.
    """
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING and frame.f_code.co_qualname.startswith(LOCKING):
            return True
        frame = frame.f_back
    return False


def _postponed(sent: int, frame: FrameType | None) -> bool:
    """Whether it is no moment to raise anything: the signal then comes again, once."""
    if not is_locking_a_module(frame):
        return False
    _to_come_again.put(sent)
    if not _senders:  # which may be starting: another signal may come meanwhile
        _senders.append(threading.Thread(target=_send_again, name="signals that come again", daemon=True))
        _senders[0].start()
    return True


def _send_again() -> None:
    while True:
        sent = _to_come_again.get()
        time.sleep(AGAIN_AFTER)
        os.kill(os.getpid(), sent)


def _raise(sent: int, frame: FrameType | None) -> None:
    if _postponed(sent, frame):
        return
    _ignore_further_signals()
    _received.append(Interrupted(signal.Signals(sent)))
    raise _received[0]


def _end_line(sent: int, frame: FrameType | None) -> None:
    if not _postponed(sent, frame):
        signal.default_int_handler(sent, frame)


def _end_prompt(sent: int, frame: FrameType | None) -> None:
    if _postponed(sent, frame):
        return
    _ignore_further_signals()
    _received.append(Interrupted(signal.Signals(sent)))
    raise _EndOfPrompt(signal.Signals(sent))


def _ignore_further_signals() -> None:
    # When a terminal closes, both the kernel and the shell send SIGHUP, and an impatient user presses Ctrl-C
    # again: neither may interrupt the closing that the first signal began. This is a handler, since programs
    # started in the meantime would inherit SIG_IGN.
    for ending in ENDING:
        if signal.getsignal(ending) in (_raise, _end_prompt, _end_line, signal.default_int_handler):
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
