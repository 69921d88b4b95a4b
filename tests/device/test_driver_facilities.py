"""What only some drivers have: it works where the facts have it, and is refused with a sentence elsewhere."""

from __future__ import annotations

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, TimeLimitError
from harness.binder import Call, Parcel, open_pair
from harness.binder.abi import returns
from harness.binder.reports.listener import TransactionReports
from harness.device.device import Device
from harness.device.facts import Need
from harness.kernel.binder_debug.debug_files import BinderDebugMissingError
from tests.support.failures import ERRORS, TOO_LARGE, reports_of_failures

COOKIE = 0xF0


def keep(call: Call) -> None:
    call.keep()


def test_freezing_is_notified_where_the_driver_can(device: Device) -> None:
    free = device.facts.free_binder_device
    assert free is not None
    with open_pair(device, free) as pair:
        notifications, pid = pair.client.notifications, pair.server_process.pid
        pair.client.references.acquire(0)
        if not device.facts.freeze_notifications:
            with pytest.raises(FacilityMissingError, match="BC_REQUEST_FREEZE_NOTIFICATION"):
                notifications.link_to_freeze(0, COOKIE)
            return
        notifications.link_to_freeze(0, COOKIE)
        seen = [notifications.wait_for_freeze(COOKIE).is_frozen]
        for enable in (True, False):
            pair.client.controls.freeze(pid, enable=enable, timeout_milliseconds=1000)
            seen.append(notifications.wait_for_freeze(COOKIE).is_frozen)
        assert seen == [0, 1, 0]
        notifications.unlink_to_freeze(0, COOKIE)
        notifications.wait_for_freeze_clear(COOKIE)


def test_failed_transactions_are_reported_where_the_kernel_does(device: Device) -> None:
    if not device.facts.transaction_reports:
        with (
            device.process() as process,
            pytest.raises(FacilityMissingError, match=r"family `binder`.* from Linux 6\.18 on"),
        ):
            TransactionReports.open(process)
        return
    reports, (sender, receiver) = reports_of_failures(device)
    assert [report.error for report in reports] == ERRORS
    assert [report.code for report in reports] == [0, 1, 2, 3, 4]
    assert {report.from_pid for report in reports} == {sender}
    assert [report.to_pid for report in reports] == [None, receiver, receiver, receiver, None]
    assert [report.data_size for report in reports] == [0, TOO_LARGE, 0, 0, 0]
    assert not any(report.is_reply for report in reports)


def test_a_wait_for_a_report_ends(device: Device) -> None:
    if device.facts.transaction_reports:
        with device.process() as process, TransactionReports.open(process) as reports:
            assert reports.arrived() == []
            with pytest.raises(
                TimeLimitError, match=r"a report of a failed transaction: none within 0\.05 s"
            ):
                reports.next(Deadline(0.05))


def test_addresses_are_hashed_where_the_driver_can(device: Device) -> None:
    if not device.facts.hashed_debug_files:
        with pytest.raises(BinderDebugMissingError, match=r"state_hashed.*from Linux 6\.18 on"):
            device.binder.state(hashed=True)
        return
    free = device.facts.free_binder_device
    assert free is not None
    with open_pair(device, free, keep) as pair:
        pair.client.transact(0, 1, Parcel().node(pair.client.add_node(keep)))
        plain, hashed = (
            {node.debug_id: (node.pointer, node.cookie) for block in blocks for node in block.nodes}
            for pid in [pair.client_process.pid]
            for blocks in (
                device.binder.state().of_process(pid),
                device.binder.state(hashed=True).of_process(pid),
            )
        )
    assert len(plain) == 1
    assert plain.keys() == hashed.keys()
    assert plain != hashed
    assert device.binder.transactions(hashed=True).unknown_lines == ()


def test_a_sender_of_too_many_one_way_calls_is_warned(device: Device) -> None:
    free = device.facts.free_binder_device
    assert free is not None
    with open_pair(device, free, keep, size=128 * 1024) as pair:
        pair.client.controls.enable_oneway_spam_detection()
        kinds = [type(pair.client.post(0, 1, Parcel().raw(bytes(1024)))) for _ in range(60)]
        pair.client.controls.enable_oneway_spam_detection(False)
        assert type(pair.client.post(0, 1)) is returns.TransactionComplete
    assert set(kinds) == {returns.TransactionComplete, returns.OnewaySpamSuspect}


@pytest.mark.parametrize(
    "need", [Need.FREEZE_NOTIFICATIONS, Need.TRANSACTION_REPORTS, Need.HASHED_DEBUG_FILES]
)
def test_what_a_driver_lacks_has_a_reason(device: Device, need: Need) -> None:
    if need.met_by(device.facts):
        assert need.missing(device.facts) is None
    else:
        assert need in device.facts.reasons
