"""Transactions that fail, one of each kind, and what the driver reports of them."""

from __future__ import annotations

import contextlib

from harness.agent.process import RemoteProcess
from harness.binder import BinderError, Pair, Parcel, open_pair
from harness.binder.abi.uapi import BinderReturn
from harness.binder.reports.listener import TransactionReports
from harness.binder.reports.transaction_report import TransactionReport
from harness.device.device import Device, DeviceProcess

UNKNOWN_HANDLE, TOO_LARGE = 99, 2_000_000
ERRORS = [
    BinderReturn.BR_FAILED_REPLY,
    BinderReturn.BR_FAILED_REPLY,
    BinderReturn.BR_TRANSACTION_PENDING_FROZEN,
    BinderReturn.BR_FROZEN_REPLY,
    BinderReturn.BR_DEAD_REPLY,
]
"""What the sender gets, in turn."""


def reports_of_failures(device: Device) -> tuple[list[TransactionReport], tuple[int, int]]:
    """What is reported of calls with the codes 0 to 4, and the processes of their sender and receiver."""
    free = device.facts.free_binder_device
    assert free is not None
    with (
        device.process() as listener,
        open_pair(device, free) as pair,
        TransactionReports.open(listener) as reports,
    ):
        _fail(pair)
        ends = pair.client_process.pid, pair.server_process.pid
        return [reports.next() for _ in ERRORS] + reports.arrived(), ends


def _fail(pair: Pair[DeviceProcess]) -> None:
    client, server = pair.client, pair.server_process
    with contextlib.suppress(BinderError):
        client.transact(UNKNOWN_HANDLE, 0)
    with contextlib.suppress(BinderError):
        client.transact(0, 1, Parcel().raw(bytes(TOO_LARGE)))
    client.controls.freeze(server.pid, timeout_milliseconds=1000)
    client.post(0, 2)
    with contextlib.suppress(BinderError):
        client.transact(0, 3)
    client.controls.freeze(server.pid, enable=False)
    _end(server)
    with contextlib.suppress(BinderError):
        client.transact(0, 4)


def _end(process: RemoteProcess) -> None:
    process.close()
