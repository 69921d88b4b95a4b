"""A private directory for as long as a run lives; what a killed run left goes when the next starts."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emulator.cache import cache_root

LOCK = ".lock"
KEPT_LOGS = 20


@contextlib.contextmanager
def run_directory() -> Iterator[Path]:
    """A new directory that only this user can read, removed at the end of the block."""
    runs = cache_root() / "runs"
    runs.mkdir(mode=0o700, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with (runs / LOCK).open("w") as others:
            fcntl.flock(others, fcntl.LOCK_EX)
            _sweep(runs)
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=runs)))
            # Says that somebody uses it: the kernel gives a lock up even for a run that was killed.
            lock = stack.enter_context((directory / LOCK).open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def _sweep(runs: Path) -> None:
    for left_over in runs.iterdir():
        with contextlib.suppress(OSError), (left_over / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left_over, ignore_errors=True)


def keep_log(log: Path) -> Path:
    """Copy the log of a device that was lost to where it outlives the run; the newest 20 are kept."""
    kept = cache_root() / "lost-devices"
    kept.mkdir(mode=0o700, exist_ok=True)
    copy = kept / f"{log.parent.name}.log"
    with contextlib.suppress(OSError):
        shutil.copyfile(log, copy)
    for old in sorted(kept.iterdir(), key=lambda file: file.stat().st_mtime)[:-KEPT_LOGS]:
        old.unlink(missing_ok=True)
    return copy
