"""Recording what a device does for as long as wanted."""

from __future__ import annotations

import itertools

from harness.binder import Parcel, open_pair
from harness.device.device import Device
from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    BEGINNING,
    RECEIVED,
    RENAMED,
    SENT,
    transaction_events,
)

NODE = "/dev/vndbinder"


def test_a_trace_read_meanwhile_has_the_events_of_one_read_at_the_end(device: Device) -> None:
    events = transaction_events(device.tracing, SENT, ALLOCATED, RECEIVED)
    read = []
    with (
        open_pair(device, NODE, lambda call: Parcel().int32(call.code)) as pair,
        device.tracing.record(events=events, kprobes=[BEGINNING], clock="boot") as recording,
        device.tracing.follow(events=events, kprobes=[BEGINNING], renamed=RENAMED) as live,
    ):
        for code in range(1, 200):
            pair.client.transact(0, code, Parcel().interface_token("an.Interface"))
            if code % 50 == 0:
                read += live.read()
        live.stop()
        read += live.read()
    assert (recording.lost, live.lost, live.unreadable) == (live.lost, live.lost, 0)
    assert not live.lost
    expected = [(event.name, event.tid, event.cpu, event.fields) for event in recording.events()]
    assert len(expected) == 199 * 8
    found = [
        (event.name, event.tid, event.cpu, {name: event.fields[name] for name in fields})
        for event, (*_, fields) in zip(read, expected, strict=True)
    ]
    assert found == expected
    assert all(early.timestamp <= late.timestamp for early, late in itertools.pairwise(read))
