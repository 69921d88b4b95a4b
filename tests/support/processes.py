"""The processes below another one, and whether they have ended."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

_HAS_MEMORY = """
import os, time
memory = b"x" * (256 << 20)
print(os.getpid(), flush=True)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
time.sleep(1000)
"""
HAS_MEMORY = shlex.join([sys.executable, "-c", _HAS_MEMORY])
"""A shell's command that prints its number and sleeps; once killed, it takes tens of milliseconds to end."""


def descendants(process_id: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have started in turn."""
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for word in (task / "children").read_text().split():
            yield int(word)
            yield from descendants(int(word))


def has_ended(process_id: int) -> bool:
    """Whether it has ended; one that its new parent has not collected yet counts as ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
