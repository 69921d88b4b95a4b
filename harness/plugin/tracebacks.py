"""Which frames of a failing test pytest shows: those of the test, and not the way through Binder harness."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import pytest

OURS = ("harness", "emulator")
"""The packages whose frames are left out."""
BETWEEN = "contextlib"
"""The module between our frames where a fixture ends what it started: its lines explain no error of ours."""
HIDE = "__tracebackhide__"
"""The name by which pytest finds out whether to leave a frame out."""


def hide_our_frames(error: BaseException) -> None:
    """Have pytest leave out our frames of an error that explains itself; --full-trace shows them."""
    for each in _chain(error):
        for module in _modules(each.__traceback__):
            name = str(module.get("__name__", ""))
            if name.partition(".")[0] in OURS:
                module.setdefault(HIDE, _is_explained)
            elif name == BETWEEN:
                module.setdefault(HIDE, _is_ours)


def _is_ours(failure: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether the error is one of Binder harness."""
    from emulator.base.errors import HarnessError

    return isinstance(failure.value, HarnessError)


def _is_explained(failure: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether the error is for whoever called, and not a mistake of ours."""
    from emulator.base.errors import HarnessError

    return isinstance(failure.value, HarnessError | OSError | TypeError)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _modules(traceback: TracebackType | None) -> Iterator[dict[str, object]]:
    """The globals of each frame."""
    while traceback is not None:
        yield traceback.tb_frame.f_globals
        traceback = traceback.tb_next
