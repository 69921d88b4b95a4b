"""The path of a transaction, as the device's kernel records it."""

from __future__ import annotations

import pytest

from emulator.base.deadline import Deadline
from harness.binder import Call, Node, Parcel, TransactionTooLargeError, open_pair
from harness.device.device import Device
from harness.recording.record import record_transactions

NODE = "/dev/vndbinder"


def test_a_call_and_its_reply(device: Device) -> None:
    with open_pair(device, NODE, lambda call: Parcel().int32(call.code)) as pair:
        with record_transactions(device) as record:
            pair.client.transact(0, 7, Parcel().interface_token("an.Interface"))
        hops = record.hops.caused_by(pair.client_process.pid)
    call, reply = hops
    assert (call.sender.process, call.sender.thread) == (
        pair.client_process.pid,
        pair.client_process.main.tid,
    )
    assert call.receiver.process == reply.sender.process == pair.server_process.pid
    assert (call.code, call.one_way, call.data_size) == (7, False, 44)
    assert call.interface == reply.interface == "an.Interface"
    assert (reply.answers, reply.data_size) == (call.number, 4)
    assert call.received is not None
    assert reply.received is not None
    assert call.sent < call.received < reply.sent < reply.received
    assert {call.sender.name, call.receiver.name} == {"syscall_agent"}
    assert not hops.lost


def test_a_call_back_and_a_one_way_call_follow_from_a_call(device: Device) -> None:
    def handle(call: Call) -> None:
        back = call.data.handle()
        call.thread.transact(back, 20)
        call.thread.post(back, 21)

    served: list[int] = []
    with open_pair(device, NODE, handle) as pair:
        node: Node = pair.client.add_node(lambda call: served.append(call.code))
        with record_transactions(device) as record:
            pair.client.transact(0, 1, Parcel().node(node))
            pair.client.main.serve_once(Deadline(5))
        hops = record.hops.caused_by(pair.client_process.pid)
    assert [(hop.code, hop.reply, hop.one_way) for hop in hops if not hop.reply] == [
        (1, False, False),
        (20, False, False),
        (21, False, True),
    ]
    outer, inner, one_way = hops.without_replies()
    assert (inner.cause, one_way.cause) == (outer.number, outer.number)
    assert inner.node == one_way.node != outer.node
    assert one_way.received is not None
    assert served[:1] == [20]


def test_what_the_driver_refuses(device: Device) -> None:
    with open_pair(device, NODE, size=16 * 1024) as pair, record_transactions(device) as record:
        with pytest.raises(TransactionTooLargeError):
            pair.client.transact(0, 3, Parcel().raw(bytes(32 * 1024)))
        (hop,) = record.hops.caused_by(pair.client_process.pid)
    assert (hop.code, hop.data_size, hop.received) == (3, None, None)


def test_a_look_up_at_servicemanager(device: Device) -> None:
    with record_transactions(device) as record:
        device.shell([device.libbinder_probe, "check", "manager"])
    hops = record.hops
    assert [hops.called(hop) for hop in hops.without_replies()][:2] == [
        "PING_TRANSACTION",
        "IServiceManager.checkService",
    ]
    (manager,) = {hop.receiver for hop in hops.without_replies()}
    assert manager.name == "servicemanager"
    text, diagram = hops.text(), hops.mermaid()
    assert "libbinder_probe" in text
    assert "servicemanager" in text
    assert f"box transparent servicemanager ({manager.process})" in diagram


def test_a_small_buffer_is_reported_as_incomplete(device: Device) -> None:
    with open_pair(device, NODE) as pair, record_transactions(device, buffer_kib=4) as record:
        for _ in range(100):
            pair.client.transact(0, 1)
    assert record.hops.lost.overwritten > 0
    assert record.hops.text().startswith("INCOMPLETE")
