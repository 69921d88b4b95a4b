"""Explains that the cache takes no more: its disk is full, or it is not this user's to write."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from emulator.base.errors import SetupError, reason_of

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def room_in(cache: Path) -> Iterator[None]:
    """Raise SetupError, with the remedy, where the block cannot write to the cache."""
    try:
        yield
    except OSError as error:
        named = isinstance(error.filename, str | Path) and Path(error.filename).is_relative_to(cache)
        if error.errno in FULL:
            remedy = (
                "Free some space there (`binder-harness cache --clear`), or set BINDER_HARNESS_CACHE to a "
                "directory with room."
            )
        elif error.errno == errno.EROFS or (named and isinstance(error, PermissionError)):
            remedy = "Set BINDER_HARNESS_CACHE to a directory that you may write."
        else:
            raise
        raise SetupError(f"The cache in {cache} cannot be written: {reason_of(error)}. {remedy}") from error
