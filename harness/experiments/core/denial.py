"""What the device refused to a process without root: no mistake of the experiment, and no answer to it."""

from __future__ import annotations

import errno

from emulator.base.errors import FacilityMissingError, in_words
from harness.binder.errors import BinderError
from harness.device.facts import Facts, Need


def denial_behind(error: BaseException) -> str | None:
    """What was refused (EACCES, EPERM), in words, where that is why an experiment broke off; else None."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, OSError | BinderError) and behind.errno in (errno.EACCES, errno.EPERM):
            return in_words(behind) if isinstance(behind, OSError) else str(behind).removesuffix(".")
        behind = behind.__cause__
    return None


def facility_behind(error: BaseException, facts: Facts | None) -> FacilityMissingError | None:
    """The facility that the device lacks or refuses, where that is why an experiment broke off; else None."""
    if isinstance(error, FacilityMissingError):
        return error
    denied = denial_behind(error)
    needs_root = None if facts is None else Need.ROOT.missing(facts)
    if denied is None or needs_root is None:
        return None
    return FacilityMissingError(f"{denied}; it {needs_root}")
