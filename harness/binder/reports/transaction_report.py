"""One report of a failed transaction, as the driver multicasts it.

Sources: Documentation/netlink/specs/binder.yaml; binder_netlink_report in drivers/android/binder.c and
drivers/android/binder/netlink.rs (Linux 6.18 and 7.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.binder.reports.netlink import MalformedMessageError


class Attribute(IntEnum):
    """BINDER_A_REPORT_*: the attributes of a report."""

    ERROR = 1
    CONTEXT = 2
    FROM_PID = 3
    FROM_TID = 4
    TO_PID = 5
    TO_TID = 6
    IS_REPLY = 7
    FLAGS = 8
    CODE = 9
    DATA_SIZE = 10


BINDER_CMD_REPORT = 1


@dataclass(frozen=True, slots=True)
class TransactionReport:
    """A transaction that failed, or was accepted with a warning."""

    error: BinderReturn
    """What the driver returned to the sender: BR_FAILED_REPLY, BR_DEAD_REPLY, BR_FROZEN_REPLY,
    BR_ONEWAY_SPAM_SUSPECT, BR_TRANSACTION_PENDING_FROZEN."""
    context: str
    """The name of the binder device, such as `vndbinder`."""
    from_pid: int
    from_tid: int
    """The sender."""
    to_pid: int | None
    """The receiver's process; None where the driver found none."""
    to_tid: int | None
    """The receiver's thread; None where it was to be any of the process."""
    is_reply: bool
    flags: TransactionFlag
    code: int
    data_size: int
    """Bytes of data, as the sender stated."""


def parse_report(attributes: Mapping[int, bytes]) -> TransactionReport:
    """The report in the attributes of a message; raises MalformedMessageError for what is none."""

    def number(attribute: Attribute) -> int | None:
        payload = attributes.get(attribute)
        if payload is not None and len(payload) != 4:
            raise MalformedMessageError(f"{attribute.name} of a report has {len(payload)} bytes, not 4")
        return None if payload is None else int.from_bytes(payload, "little")

    def required(attribute: Attribute) -> int:
        found = number(attribute)
        if found is None:
            raise MalformedMessageError(f"a report of a transaction has no {attribute.name}")
        return found

    error = required(Attribute.ERROR)
    if error not in BinderReturn._value2member_map_:
        raise MalformedMessageError(f"a report has the error {error:#x}, which is no return of the driver's")
    return TransactionReport(
        error=BinderReturn(error),
        context=attributes.get(Attribute.CONTEXT, b"").partition(b"\0")[0].decode(errors="replace"),
        from_pid=required(Attribute.FROM_PID),
        from_tid=required(Attribute.FROM_TID),
        to_pid=number(Attribute.TO_PID),
        to_tid=number(Attribute.TO_TID),
        is_reply=Attribute.IS_REPLY in attributes,
        flags=TransactionFlag(required(Attribute.FLAGS)),
        code=required(Attribute.CODE),
        data_size=required(Attribute.DATA_SIZE),
    )
