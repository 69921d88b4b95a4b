"""Lock files that leave nothing behind: the holder removes its file, and a later sweep that of a killed run.

Only its holder may remove a file. Whoever waited for it notices that, and opens the file's successor: two
processes never hold what one path stands for.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from emulator.base.errors import SetupError


def take(file: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file for its holder alone, or for all who share it; False where somebody else holds it.

    The kernel releases the lock with the file, however its holder ends (flock(2)).
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(path: Path, file: IO[str]) -> bool:
    """Whether an open file is still the one at that path."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def open_regular(path: Path, mode: str = "r") -> IO[str]:
    """Open a file; SetupError for anything else there: to open a FIFO, for example, may take for ever."""

    def open_at_once(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | os.O_NONBLOCK, 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise IsADirectoryError
        return descriptor

    try:
        return open(path, mode, opener=open_at_once)
    except OSError as error:
        if not isinstance(error, IsADirectoryError) and error.errno != errno.ENXIO:  # that of a socket
            raise
        raise SetupError(f"{path} is no file, but Binder harness keeps one there. Remove it.") from error


def open_locked(path: Path, lock: Callable[[IO[str]], None], *, mode: str = "a+") -> IO[str]:
    """The file, created if need be, once `lock` has locked it: held until it is closed."""
    while True:
        file = open_regular(path, mode)
        try:
            lock(file)
        except BaseException:
            file.close()
            raise
        if is_at(path, file):
            return file
        file.close()


@contextlib.contextmanager
def lock_file(path: Path, lock: Callable[[IO[str]], None]) -> Iterator[IO[str]]:
    """Hold the file, which `lock` locks exclusively, for a block; then remove it."""
    with open_locked(path, lock) as file:
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)


def remove_unheld(directory: Path) -> None:
    """Remove the lock files of killed runs in a directory: those that nobody holds."""
    for path in directory.iterdir():
        with contextlib.suppress(OSError, SetupError), open_regular(path) as file:
            if take(file) and is_at(path, file):
                path.unlink()
