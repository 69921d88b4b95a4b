from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
