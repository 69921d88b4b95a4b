"""Recording what a device does for as long as wanted."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from harness.binder import DeadObjectError, Parcel, TransactionTooLargeError, open_pair
from harness.device.device import Device
from harness.framework.standin import open_framework
from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    BEGINNING,
    RECEIVED,
    RENAMED,
    SENT,
    transaction_events,
)
from harness.recording import live
from harness.recording.exports.files import export_to
from harness.recording.exports.json_file import read_recording
from harness.recording.live import follow_transactions
from tests.support.trace_processor import query

NODE = "/dev/vndbinder"
MODULE = "INCLUDE PERFETTO MODULE android.binder;"


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


def test_a_broadcast_opened_by_perfetto(device: Device, tmp_path: Path) -> None:
    """Perfetto's own standard library finds both sides of each call, and the names."""
    trace = tmp_path / "broadcast.perfetto-trace"
    with open_framework(device), follow_transactions(device, export_to(trace)) as recorder:
        device.shell("cmd activity broadcast -a com.example.HELLO")
    assert not recorder.lost
    calls, one_way, failures = query(
        trace,
        f"{MODULE} SELECT client_process, server_process, interface, method_name, client_dur > server_dur"
        " AS longer FROM android_binder_txns WHERE is_sync ORDER BY client_ts",
        "SELECT client_process, server_process, interface FROM android_binder_txns WHERE NOT is_sync",
        "SELECT name, value FROM stats WHERE value > 0 AND severity IN ('error', 'data_loss')",
    )
    assert [tuple(row.values()) for row in calls] == [
        ("cmd", "servicemanager", None, None, 1),
        ("cmd", "servicemanager", "android.os.IServiceManager", "checkService", 1),
        ("cmd", "activity_standin", None, None, 1),
    ]
    assert [tuple(row.values()) for row in one_way] == [
        ("activity_standin", "cmd", "com.android.internal.os.IResultReceiver")
    ]
    assert failures == []


def test_failed_calls_end_in_perfetto(device: Device, tmp_path: Path) -> None:
    trace, document = tmp_path / "failed.pftrace", tmp_path / "failed.json"
    data = Parcel().interface_token("an.Interface")
    with (
        open_pair(device, NODE, lambda call: Parcel().int32(call.code), size=16 * 1024) as pair,
        follow_transactions(device, export_to(trace), export_to(document)) as recorder,
    ):
        with pytest.raises(TransactionTooLargeError):
            pair.client.transact(0, 3, Parcel().raw(bytes(32 * 1024)))
        pair.client.transact(0, 4, data)
        pair.server_process.kill()
        with pytest.raises(DeadObjectError):
            pair.client.transact(0, 5, data)
    caused = read_recording(document).caused_by(pair.client_process.pid)
    assert [(hop.code, hop.failure and hop.failure.command) for hop in caused.without_replies()][:2] == [
        (3, "BR_FAILED_REPLY"),
        (4, None),
    ]
    assert sum(row.failures for row in recorder.statistics.rows.values()) >= 1
    slices, found = query(
        trace,
        "SELECT name, dur > 0 AS ended, depth FROM slice WHERE name = 'binder transaction' ORDER BY ts",
        f"{MODULE} SELECT interface, method_name FROM android_binder_txns",
    )
    assert slices[:2] == [{"name": "binder transaction", "ended": 1, "depth": 0}] * 2
    assert found == [{"interface": "an.Interface", "method_name": "code 4"}]


def test_events_that_do_not_fit_are_counted(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "INTERVAL", 3600.0)  # nothing is read until the end
    text = tmp_path / "lost.txt"
    with (
        open_pair(device, NODE) as pair,
        follow_transactions(device, export_to(text), buffer_kib=4) as recorder,
    ):
        for _ in range(300):
            pair.client.transact(0, 1)
    assert recorder.lost.overwritten > 0
    assert f"INCOMPLETE: {recorder.lost.overwritten:,} events overwritten" in text.read_text()


def test_the_kernel_is_left_as_it_was(device: Device) -> None:
    def state() -> list[str]:
        folder = device.tracing.location
        names = ("tracing_on", "current_tracer", "kprobe_events", "set_event", "buffer_size_kb")
        return [
            *(device.files.read_text(f"{folder}/{name}") for name in names),
            *device.files.list_directory(f"{folder}/instances"),
        ]

    device.tracing.tried()
    before = state()
    with pytest.raises(ZeroDivisionError), follow_transactions(device):
        _ = 1 // 0
    assert state() == before


def test_without_a_probe_calls_to_registered_services_have_names(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "named.json"
    monkeypatch.setattr(device.tracing, "can_probe", lambda _: False)
    with (
        device.service("a.service", lambda _: Parcel().no_exception(), interface="an.IService"),
        follow_transactions(device, export_to(document)),
    ):
        device.shell("service call a.service 5")
    hops = read_recording(document)
    called = [hops.called(hop) for hop in hops.without_replies()]
    assert "IServiceManager.checkService" in called
    assert called[-1] == "IService.code 5"
