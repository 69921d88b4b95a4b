"""What the device refused to a process without root: no mistake of the experiment, and no answer to it."""

from __future__ import annotations

import errno

from harness.binder.errors import BinderError


def denial_behind(error: BaseException) -> str | None:
    """What was refused (EACCES, EPERM), in words, where that is why an experiment broke off; else None."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, OSError | BinderError) and behind.errno in (errno.EACCES, errno.EPERM):
            return _in_words(behind)
        behind = behind.__cause__
    return None


def _in_words(refused: OSError | BinderError) -> str:
    if isinstance(refused, OSError):
        return f"{refused.filename}: {refused.strerror}" if refused.filename else str(refused.strerror)
    return str(refused).removesuffix(".")
