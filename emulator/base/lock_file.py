"""Lock files that come and go: whoever holds one removes it, and what a killed run left goes later.

A file may be removed by its holder alone. Whoever was waiting for it finds that it has gone, and opens its
successor: two never hold what the same path stands for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


def take(file: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file for its holder alone, or for all who share it; False where somebody else has it.

    The kernel gives the lock up with the file, however its holder ends (flock(2)).
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


def open_locked(path: Path, lock: Callable[[IO[str]], None], *, mode: str = "a+") -> IO[str]:
    """The file, made if need be, once `lock` has locked it: held until it is closed."""
    while True:
        file = path.open(mode)
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
    """Hold the file, which `lock` locks for us alone, for a block; then it is removed."""
    with open_locked(path, lock) as file:
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)


def remove_unheld(directory: Path) -> None:
    """Remove the lock files in a directory that nobody holds, as killed runs leave them."""
    for path in directory.iterdir():
        with contextlib.suppress(OSError), path.open() as file:
            if take(file) and is_at(path, file):
                path.unlink()
