from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SECONDS = 30.0


def printed(program: str) -> str:
    """What a Python program prints that has to end well."""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return ended.stdout


def test_a_second_signal_does_not_keep_the_first_from_closing_what_is_open() -> None:
    program = """
import os, signal
from emulator.base.interruption import raise_on_signals
raise_on_signals()
try:
    os.kill(os.getpid(), signal.SIGHUP)
except KeyboardInterrupt as interrupt:
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)
    print("closed after", interrupt)
"""
    assert printed(program) == "closed after SIGHUP\n"


def test_at_a_prompt_each_ctrl_c_ends_what_runs_and_not_the_prompt() -> None:
    program = """
import os, signal
from emulator.base.interruption import at_a_prompt, raise_on_signals
raise_on_signals()
with at_a_prompt():
    for _ in range(2):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            print("interrupted")
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt as interrupt:
    os.kill(os.getpid(), signal.SIGINT)
    print("closed after", interrupt)
"""
    assert printed(program) == "interrupted\ninterrupted\nclosed after SIGINT\n"


def test_at_a_prompt_other_signals_end_what_swallows_all_but_system_exit() -> None:
    """And Ctrl-C, which ended a line before, does not end what is closed after that."""
    program = """
import os, signal
from emulator.base.interruption import at_a_prompt, raise_on_signals
raise_on_signals()
try:
    with at_a_prompt():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except (Exception, KeyboardInterrupt):
            print("taken for the end of a line")
except KeyboardInterrupt as interrupt:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    print("closed after", interrupt)
"""
    assert printed(program) == "closed after SIGTERM\n"


def test_nohup_is_respected() -> None:
    program = """
import os, signal
from emulator.base.interruption import raise_on_signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)
raise_on_signals()
os.kill(os.getpid(), signal.SIGHUP)
"""
    assert printed(program) == ""


@pytest.mark.parametrize(
    ("sent", "block"),
    [
        (signal.SIGHUP, "nullcontext()"),
        (signal.SIGINT, "at_a_prompt()"),
        (signal.SIGTERM, "at_a_prompt()"),
        (signal.SIGALRM, "time_limit(60, 'nothing')"),
    ],
)
def test_a_signal_during_an_import_lets_other_threads_import_the_module(
    sent: signal.Signals, block: str
) -> None:
    """A run that was ended in that moment waited for ever, with its device, for a thread of its own."""
    program = f"""
import signal, sys, threading
from contextlib import nullcontext
from emulator.base.interruption import at_a_prompt, raise_on_signals
from harness.experiments.core.time_limit import time_limit

def arrives(frame, event, _):
    if event == "return" and frame.f_code.co_qualname == "_ModuleLock.acquire":
        sys.setprofile(None)
        signal.getsignal({sent})({sent}, frame)

raise_on_signals()
with {block}:
    try:
        sys.setprofile(arrives)
        import colorsys
        signal.pause()
    except BaseException:
        other = threading.Thread(target=__import__, args=("colorsys",), daemon=True)
        other.start()
        other.join({SECONDS / 2})
        print("waits for ever" if other.is_alive() else "imported")
"""
    assert printed(program).splitlines()[-1] == "imported"
