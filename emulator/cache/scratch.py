"""A directory in which something is unpacked and built, and whose end nobody has to wait for."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """A directory below `parent`, removed after the block.

    Removing an unpacked source tree takes up to minutes on a busy machine. After an interruption a program of
    its own goes on with it, and this process may end; what is left where that is killed goes with the cache's
    old entries.
    """
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=".build-"))
    try:
        yield directory
    except KeyboardInterrupt:
        _remove_later(directory)
        raise
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    try:
        shutil.rmtree(directory)
    except KeyboardInterrupt:
        _remove_later(directory)
        raise


def _remove_later(directory: Path) -> None:
    nowhere = subprocess.DEVNULL
    with contextlib.suppress(OSError):  # as where the machine lacks memory: old entries' removal finds it
        subprocess.Popen(
            ["rm", "-rf", "--", str(directory)],
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            start_new_session=True,
        )
