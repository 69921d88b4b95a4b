"""Opens lock files that whoever holds them last removes, so that none is left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


def open_locked(path: Path, lock: Callable[[IO[str]], None]) -> IO[str]:
    """The file, made if need be, once `lock` has locked it: held until it is closed.

    A file that was removed while it was waited for locks nobody else out: then its successor is opened.
    """
    while True:
        file = path.open("a+")
        try:
            lock(file)
        except BaseException:
            file.close()
            raise
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()
