"""A listener returns the reports alone, in their order, and counts what the kernel dropped."""

from __future__ import annotations

import errno
import os
from typing import cast

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.binder.reports.generic_netlink import Family, GenericSocket
from harness.binder.reports.listener import TransactionReports
from harness.binder.reports.netlink import Message
from harness.binder.reports.transaction_report import Attribute
from tests.unit.harness.binder.reports.test_transaction_report import REFUSED, word

FAMILY = Family(32, {"report": 7})
DROPPED = OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))


def report(code: int) -> Message:
    return Message(FAMILY.number, 1, REFUSED | {Attribute.CODE: word(code)})


class FakeSocket:
    """A socket with these datagrams, of which an error is raised; then none is there."""

    def __init__(self, *datagrams: list[Message] | OSError) -> None:
        self._datagrams = list(datagrams)

    def receive(self, _: Deadline, *, wait: bool = True) -> list[Message]:
        if not self._datagrams:
            if wait:
                raise TimeLimitError("recvfrom on a thread")
            return []
        datagram = self._datagrams.pop(0)
        if isinstance(datagram, OSError):
            raise datagram
        return datagram


def listener(*datagrams: list[Message] | OSError) -> TransactionReports:
    return TransactionReports(cast(GenericSocket, FakeSocket(*datagrams)), FAMILY)


def test_reports_come_in_their_order_and_other_messages_are_skipped() -> None:
    reports = listener([report(1)], [Message(16, 1)], [report(2), report(3)])
    assert [reports.next().code, reports.next().code] == [1, 2]
    assert [each.code for each in reports.arrived()] == [3]
    assert reports.arrived() == []


def test_what_the_kernel_dropped_is_counted() -> None:
    reports = listener(DROPPED, [report(4)], DROPPED)
    assert reports.next().code == 4
    assert reports.arrived() == []
    assert reports.overruns == 2


def test_another_error_is_raised() -> None:
    with pytest.raises(PermissionError):
        listener(PermissionError(errno.EACCES, "denied")).next()


def test_a_wait_names_what_it_waited_for() -> None:
    with pytest.raises(TimeLimitError, match=r"a report of a failed transaction: none within 3 s"):
        listener().next(Deadline(3))
