"""The outcome of an attempt: the error's name, or success."""

from __future__ import annotations

import errno

import pytest

from emulator.base.errors import TimeLimitError
from harness.agent.operations import OperationResult, SystemCall
from harness.experiments.instruments.attempts import SUCCESS, attempt, outcome


def fail(error: Exception) -> None:
    raise error


def test_an_attempt_is_named_after_its_error() -> None:
    assert attempt(lambda: fail(OSError(errno.EBUSY, "busy"))) == "EBUSY"
    assert attempt(lambda: fail(PermissionError(errno.EPERM, "no"))) == "EPERM"
    assert attempt(lambda: fail(OSError(531, "vendor's own"))) == "error 531"
    assert attempt(lambda: 7) == SUCCESS


def test_an_error_that_is_not_of_the_device_is_not_an_outcome() -> None:
    with pytest.raises(TimeLimitError):
        attempt(lambda: fail(TimeLimitError("no answer within 10 s")))
    with pytest.raises(ValueError, match="mistake"):
        attempt(lambda: fail(ValueError("a mistake")))


@pytest.mark.parametrize(
    ("value", "word"),
    [(-errno.EACCES, "EACCES"), (0, SUCCESS), (-(1 << 40), SUCCESS), (0x7F00_0000_0000, SUCCESS)],
)
def test_the_outcome_of_a_system_call(value: int, word: str) -> None:
    assert outcome(OperationResult(SystemCall("mprotect", 0, 0, 0), value)) == word
