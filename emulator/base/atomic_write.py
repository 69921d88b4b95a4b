"""Writes a file as a whole or not at all: into a temporary file beside it, which then replaces it."""

from __future__ import annotations

import contextlib
import secrets
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
    # In a directory that others may write to, a name that they can predict is a link that they put there.
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
