"""A report is read from the attributes of its message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.binder.reports.netlink import MalformedMessageError
from harness.binder.reports.transaction_report import Attribute, TransactionReport, parse_report


def word(number: int) -> bytes:
    return number.to_bytes(4, "little")


REFUSED: dict[int, bytes] = {
    Attribute.ERROR: word(BinderReturn.BR_FAILED_REPLY),
    Attribute.CONTEXT: b"vndbinder\0",
    Attribute.FROM_PID: word(10),
    Attribute.FROM_TID: word(11),
    Attribute.FLAGS: word(TransactionFlag.TF_ACCEPT_FDS),
    Attribute.CODE: word(7),
    Attribute.DATA_SIZE: word(2_000_000),
}
"""Of a call to a handle that nobody has: it has no receiver."""


def test_a_report_without_a_receiver() -> None:
    assert parse_report(REFUSED) == TransactionReport(
        error=BinderReturn.BR_FAILED_REPLY,
        context="vndbinder",
        from_pid=10,
        from_tid=11,
        to_pid=None,
        to_tid=None,
        is_reply=False,
        flags=TransactionFlag.TF_ACCEPT_FDS,
        code=7,
        data_size=2_000_000,
    )


def test_a_report_of_a_reply() -> None:
    reply = REFUSED | {Attribute.TO_PID: word(20), Attribute.TO_TID: word(21), Attribute.IS_REPLY: b""}
    report = parse_report(reply)
    assert (report.to_pid, report.to_tid, report.is_reply) == (20, 21, True)


@given(
    st.sampled_from([name for name in Attribute if name in REFUSED and name is not Attribute.CONTEXT]),
    st.none() | st.binary(max_size=3),
)
def test_what_is_no_report_is_refused(changed: Attribute, payload: bytes | None) -> None:
    attributes: dict[int, bytes] = {name: value for name, value in REFUSED.items() if name is not changed}
    if payload is not None:
        attributes[changed] = payload
    with pytest.raises(MalformedMessageError, match=changed.name):
        parse_report(attributes)


def test_an_error_that_is_no_return_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="0x5, which is no return"):
        parse_report(REFUSED | {Attribute.ERROR: word(5)})
