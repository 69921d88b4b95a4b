"""The table of refusals, which live errors and errors in a log share."""

from __future__ import annotations

import errno

import pytest

from harness.binder.abi.uapi import BinderReturn
from harness.binder.errors import transaction_error
from harness.binder.refusals import NO_CONTEXT_MANAGER, TOO_LARGE, refusal
from harness.experiments.core.claim import CLAIMS

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


def test_the_claims_that_measure_it_are_there() -> None:
    named = {claim for number in ERRNOS if (entry := refusal(FAILED, number)) for claim in entry.claims}
    named |= set(NO_CONTEXT_MANAGER.claims)
    assert named <= CLAIMS.all().keys()
