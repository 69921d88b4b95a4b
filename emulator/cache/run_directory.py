"""A private directory for the duration of a run; the next run removes what killed runs left behind."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.base.lock_file import lock_file, open_regular, remove_unheld, take
from emulator.cache.room import room_in
from emulator.cache.root import cache_root
from emulator.cache.store import lock_directory, lock_path

LOCK = ".lock"
KEPT_LOGS = 20
SWEPT_WITHIN = 60.0


@contextlib.contextmanager
def run_directory() -> Iterator[Path]:
    """A new directory that only this user can read, removed at the end of the block."""
    with contextlib.ExitStack() as stack:
        with room_in(cache_root()), _exclusively():
            _sweep()
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_runs())))
            # Marks it as in use: the kernel releases the lock even of a run that was killed.
            lock = stack.enter_context((directory / LOCK).open("w"))
            take(lock)
        yield directory


def sweep() -> None:
    """Remove what killed runs left behind: their directories and their locks."""
    with _exclusively():
        _sweep()


def _sweep() -> None:
    for left_over in _runs().iterdir():
        with contextlib.suppress(OSError, SetupError):
            if not _in_use(left_over):
                shutil.rmtree(left_over, ignore_errors=True)
    remove_unheld(lock_directory())


def _in_use(directory: Path) -> bool:
    try:
        with open_regular(directory / LOCK) as lock:
            return not take(lock)
    except FileNotFoundError:  # half removed, not new: new ones are made under the lock that we hold
        return False


def _runs() -> Path:
    runs = cache_root() / "runs"
    runs.mkdir(mode=0o700, exist_ok=True)
    return runs


def _exclusively() -> AbstractContextManager[IO[str]]:
    """Hold the lock under which directories are made and removed: a new one is not locked yet."""

    def wait(lock: IO[str]) -> None:
        Deadline(SWEPT_WITHIN).poll(
            lambda: take(lock), "another run to release the lock on the run directories", interval=0.01
        )

    return lock_file(lock_path("runs"), wait)


def keep_log(log: Path) -> Path:
    """Copy the log of a lost device to where it outlives the run; the newest 20 stay.

    Where that is impossible, the log stays where it is: the loss is what matters.
    """
    try:
        kept = cache_root() / "lost-devices"
        kept.mkdir(mode=0o700, exist_ok=True)
        copy = kept / f"{log.parent.name}.log"
        shutil.copyfile(log, copy)
        for old in sorted(kept.iterdir(), key=lambda file: file.stat().st_mtime)[:-KEPT_LOGS]:
            old.unlink(missing_ok=True)
    except (OSError, SetupError):
        return log
    return copy
