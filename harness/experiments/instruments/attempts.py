"""Tries what may be refused, and gives the outcome as one word: the error's name, or `success`."""

from __future__ import annotations

import errno
from collections.abc import Callable

from harness.agent.operations import OperationResult

SUCCESS = "success"
"""The outcome where there was no error."""
DENIALS = frozenset({"EACCES", "EPERM"})
"""The outcomes of what a security policy refuses, which show nothing of the driver."""


def outcome(result: OperationResult) -> str:
    """The name of the error with which an operation failed, such as EBUSY; SUCCESS where it succeeded."""
    return _name(result.errno) if result.errno else SUCCESS


def attempt(action: Callable[[], object]) -> str:
    """Run `action`: the name of the OSError that it raised, such as EBUSY; SUCCESS where it raised none."""
    try:
        action()
    except OSError as error:
        if error.errno is None:
            raise  # not an error of the device
        return _name(error.errno)
    return SUCCESS


def _name(number: int) -> str:
    return errno.errorcode.get(number, f"error {number}")
