"""Writes a file as a whole or not at all: into a temporary file beside it, which then replaces it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a text file in UTF-8. Readers see the old file or the new one, never a part; raises OSError."""
    with temporary_beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """A new empty file in the directory of `path`, removed afterwards unless it was moved; raises OSError."""
    # Thread ids are unique on a machine, so no two writers share the file.
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.partial")
    try:
        temporary.touch()
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
