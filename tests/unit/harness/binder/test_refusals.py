"""The table of refusals, which live errors and errors in a log share."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi.uapi import BinderReturn
from harness.binder.errors import StatusError, transaction_error
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.refusals.driver import NO_CONTEXT_MANAGER, refusal
from harness.binder.refusals.replies import EXCEPTIONS, OTHER_STATUS, STATUSES, status_meaning
from harness.binder.refusals.space import TOO_LARGE
from harness.experiments.core.claim import CLAIMS
from harness.framework.dumps.log_lines import LOG_LINES
from harness.framework.dumps.start_lines import START_LINES

FAILED = BinderReturn.BR_FAILED_REPLY
ERRNOS = [number for number in errno.errorcode if refusal(FAILED, number)]


@pytest.mark.parametrize("number", [number for number in ERRNOS if number != errno.ENOSPC])
def test_a_live_error_has_the_sentence_of_the_table(number: int) -> None:
    entry = refusal(FAILED, number)
    assert entry is not None
    assert str(transaction_error(FAILED, number, 8, mapping=None, room=None)).endswith(entry.meaning)


@pytest.mark.parametrize("command", [BinderReturn.BR_DEAD_REPLY, BinderReturn.BR_FROZEN_REPLY])
def test_so_have_the_other_answers(command: BinderReturn) -> None:
    entry = refusal(command)
    assert entry is not None
    assert str(transaction_error(command, None, 8, mapping=None, room=None)).endswith(entry.meaning)


def test_a_kernel_without_a_security_module_is_named_for_both_of_its_errnos() -> None:
    for number in (errno.EOPNOTSUPP, errno.EINVAL):
        entry = refusal(FAILED, number)
        assert entry is not None
        assert "requests" in entry.meaning
        assert "security" in entry.look_at or "/sys/kernel/security" in entry.look_at


def test_what_the_driver_found_decides_between_two_dead_ends() -> None:
    assert refusal(BinderReturn.BR_DEAD_REPLY, errno.EINVAL, to_pid=0) is NO_CONTEXT_MANAGER
    assert refusal(BinderReturn.BR_DEAD_REPLY, errno.ESRCH, to_pid=0) is not NO_CONTEXT_MANAGER
    assert refusal(FAILED, errno.ENOSPC) is TOO_LARGE


def test_a_code_that_ends_no_transaction_has_no_entry() -> None:
    assert refusal(BinderReturn.BR_NOOP, errno.EINVAL) is None
    assert refusal(FAILED, errno.EXDEV) is None


@given(st.integers(-(2**31), 2**31 - 1).filter(bool))
def test_a_status_that_is_replied_has_the_sentence_of_the_table(status: int) -> None:
    assert str(StatusError(status)).endswith((status_meaning(status) or OTHER_STATUS).meaning)


def test_every_status_and_every_exception_has_a_meaning() -> None:
    assert set(STATUSES) == set(StatusCode) - {StatusCode.OK}
    none = {
        ExceptionCode.EX_NONE,
        ExceptionCode.EX_HAS_NOTED_APPOPS_REPLY_HEADER,
        ExceptionCode.EX_HAS_STRICTMODE_REPLY_HEADER,
    }
    assert set(EXCEPTIONS) == set(ExceptionCode) - none


def test_the_claims_that_measure_it_are_there() -> None:
    named = {claim for number in ERRNOS if (entry := refusal(FAILED, number)) for claim in entry.claims}
    tables = (
        *STATUSES.values(),
        *EXCEPTIONS.values(),
        *(meaning for _, meaning in (*LOG_LINES, *START_LINES)),
    )
    named |= {claim for entry in (NO_CONTEXT_MANAGER, *tables) for claim in entry.claims}
    assert named <= CLAIMS.all().keys()
