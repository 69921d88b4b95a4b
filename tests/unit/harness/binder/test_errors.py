from __future__ import annotations

import errno

import pytest

from emulator.base.errors import HarnessError
from harness.binder.abi.uapi import BinderReturn
from harness.binder.errors import (
    BinderError,
    DeadObjectError,
    DriverRefusedError,
    FrozenError,
    RemoteError,
    StatusError,
    TransactionFailedError,
    TransactionTooLargeError,
    transaction_error,
)
from harness.binder.parcels.status import ExceptionCode, StatusCode, exception_name, status_name


def failure(command: BinderReturn, number: int | None, **known: int) -> BinderError:
    return transaction_error(command, number, 5000, mapping=known.get("mapping"), room=known.get("room"))


@pytest.mark.parametrize(
    ("command", "number", "kind"),
    [
        (BinderReturn.BR_DEAD_REPLY, errno.ESRCH, DeadObjectError),
        (BinderReturn.BR_DEAD_REPLY, None, DeadObjectError),
        (BinderReturn.BR_FROZEN_REPLY, None, FrozenError),
        (BinderReturn.BR_FAILED_REPLY, errno.ENOSPC, TransactionTooLargeError),
        (BinderReturn.BR_FAILED_REPLY, errno.EINVAL, TransactionFailedError),
        (BinderReturn.BR_FAILED_REPLY, None, TransactionFailedError),
    ],
)
def test_each_answer_has_its_error(
    command: BinderReturn, number: int | None, kind: type[BinderError]
) -> None:
    error = failure(command, number)
    assert type(error) is kind
    assert isinstance(error, HarnessError)
    assert (error.command, error.errno) == (command, number)
    assert str(error).startswith(command.name)


def test_a_dead_handle_0_is_the_context_manager() -> None:
    """No service can be looked up again there, which is what helps with other handles."""
    message = str(DeadObjectError(errno.EINVAL, 0))
    assert "handle 0 is the device's context manager: nobody is it" in message
    assert "become_context_manager()" in message
    assert "look the service up again" not in message
    assert "look the service up again" in str(DeadObjectError(errno.EINVAL, 3))


def test_too_large_has_sent_size_mapping_and_room() -> None:
    error = failure(BinderReturn.BR_FAILED_REPLY, errno.ENOSPC, mapping=8192, room=4096)
    assert isinstance(error, TransactionTooLargeError)
    assert (error.size, error.mapping, error.room) == (5000, 8192, 4096)
    for part in ("ENOSPC", "5000 bytes were sent", "maps 8192 bytes, 4096 of them free", "Free received"):
        assert part in str(error)


def test_a_kernel_without_a_security_module_is_named() -> None:
    message = str(failure(BinderReturn.BR_FAILED_REPLY, errno.EOPNOTSUPP))
    assert message.startswith(
        "BR_FAILED_REPLY (EOPNOTSUPP): the receiver requests its callers' security contexts"
    )
    assert "Boot with SELinux" in message


def test_an_unknown_target_is_not_described() -> None:
    assert "maps" not in str(failure(BinderReturn.BR_FAILED_REPLY, errno.ENOSPC))


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EPROTO, "use another"),
        (errno.EFAULT, "cannot be read"),
        (errno.ENOTTY, "Inappropriate ioctl"),
        (None, "failed_transaction_log"),
    ],
)
def test_a_refusal_explains_its_errno(number: int | None, advice: str) -> None:
    assert advice in str(failure(BinderReturn.BR_FAILED_REPLY, number))


def test_statuses_and_exceptions_have_aosps_names() -> None:
    assert "UNKNOWN_TRANSACTION (-74)" in str(StatusError(StatusCode.UNKNOWN_TRANSACTION))
    assert status_name(-errno.EXDEV) == "EXDEV"
    assert status_name(12345) == "12345"
    assert exception_name(-42) == "-42"
    error = RemoteError(ExceptionCode.EX_SERVICE_SPECIFIC, None, service_specific=3)
    assert str(error) == "the called method threw EX_SERVICE_SPECIFIC 3: no message"


def test_a_refused_exchange_is_an_os_error_with_its_progress() -> None:
    error = DriverRefusedError(errno.EINVAL, 4, 12)
    assert error.errno == errno.EINVAL
    assert error.write_consumed == 4
    assert "after 4 of 12 written bytes" in str(error)
