"""Tries what may be refused, and says in one word what came of it."""

from __future__ import annotations

import errno
from collections.abc import Callable

from harness.agent.operations import OperationResult

SUCCESS = "success"
"""What stands in the place of an error's name where there was none."""


def outcome(result: OperationResult) -> str:
    """The name of the error that an operation ended in, such as EBUSY; SUCCESS where it did not."""
    return _name(result.errno) if result.errno else SUCCESS


def attempt(action: Callable[[], object]) -> str:
    """Do it: the name of the OSError that it raised, such as EBUSY; SUCCESS where it raised none."""
    try:
        action()
    except OSError as error:
        if error.errno is None:
            raise  # not an answer of the device
        return _name(error.errno)
    return SUCCESS


def _name(number: int) -> str:
    return errno.errorcode.get(number, f"error {number}")
