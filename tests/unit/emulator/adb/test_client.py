"""How requests to the adb server fail, and when one is made again."""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.adb.client import GONE, REACHED, AdbClient, AdbRequestError, is_address
from emulator.adb.offline import OfflineConnection
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError
from tests.support.fake_adb_server import fake_adb_server

WITHIN = 20.0


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the adb server lists: to be filled by the test. It refuses all other requests."""
    devices: dict[str, str] = {}
    with fake_adb_server(devices) as port:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
        yield devices


@pytest.mark.usefixtures("listing")
def test_a_refusal_is_an_error_of_ours_with_adb_s_reason() -> None:
    with pytest.raises(
        AdbRequestError, match="phone does not answer “root:”: unknown to this server"
    ) as refused:
        AdbClient().ask("phone", "root:")
    assert refused.value.reason.startswith("unknown to this server")
    assert AdbClient().output("phone", "id -u") == ""


@pytest.mark.usefixtures("listing")
@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_a_refused_request_leaves_no_connection_open() -> None:
    """adbutils leaves the connection open on which a request is refused, or cannot be made."""
    adb = AdbClient()
    for request in (lambda: adb.ask("phone", "root:"), lambda: adb.features("phone")):
        with pytest.raises(AdbRequestError):
            request()
    with contextlib.suppress(AdbRequestError):
        adb.server_version()
    gc.collect()


@pytest.mark.usefixtures("listing")
@pytest.mark.parametrize(("reached_again", "requests"), [(False, 1), (True, 2)])
def test_a_request_is_made_again_only_where_adb_reaches_the_device_again(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, reached_again: bool, requests: int
) -> None:
    (tmp_path / "file").touch()
    adb = AdbClient(reach_again=lambda: reached_again)
    with caplog.at_level(logging.DEBUG, "emulator.adb.client"), pytest.raises(AdbRequestError):
        adb.push("phone", tmp_path / "file", "/data/file", 0o644)
    assert caplog.messages == ["adb -s phone: sync: push /data/file"] * requests


@pytest.mark.usefixtures("listing")
def test_a_device_that_does_not_come_back_is_lost() -> None:
    def lost() -> bool:
        raise DeviceLostError("phone is gone")

    with pytest.raises(DeviceLostError, match="phone is gone"):
        AdbClient(reach_again=lost).open_shell("phone", "true")


@pytest.mark.parametrize("answer", [b"", b"OK", b"OKAYnone"])
def test_an_answer_that_breaks_off_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    def serve() -> None:
        for _ in ("whether there is a server", "the request"):
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):  # the one that only asks is gone already
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.getsockname()[1]))
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(AdbRequestError, match=r"The adb server on port .* does not answer"):
            AdbClient().devices()
        thread.join()


def test_no_request_sleeps(listing: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """adbutils sleeps before it closes a connection: a claim made of 20 requests slept for 0.2 s."""
    listing["phone"] = "device"
    monkeypatch.setattr("adbutils._adb.time", None)
    assert AdbClient().state("phone") == REACHED


def test_an_emulator_that_the_server_does_not_list_is_announced_to_it(listing: dict[str, str]) -> None:
    """A first boot waited for half an hour where the server had lost the emulator while it booted."""
    adb = AdbClient()
    assert adb.state("emulator-5556") == GONE
    Deadline(WITHIN).poll(lambda: adb.reach("emulator-5556") == REACHED, "the announced emulator")
    listing["emulator-5558"] = "offline"
    assert adb.reach("emulator-5558") == "offline"
    assert set(listing) == {"emulator-5556", "emulator-5558"}
    assert adb.reach("emulator-none") == GONE


def test_without_a_server_nothing_is_listed_and_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("started"))
    adb = AdbClient()
    assert (adb.server_runs, adb.devices(), adb.state("phone")) == (False, {}, GONE)
    adb.disconnect("phone:5555")


@pytest.mark.parametrize(
    ("serial", "address"),
    [("127.0.0.1:5555", True), ("phone.local:5555", True), ("[::1]:5555", True), ("emulator-5554", False)],
)
def test_addresses_are_distinguished_from_serial_numbers(serial: str, address: bool) -> None:
    assert is_address(serial) is address


def test_a_server_that_has_just_ended_is_not_started_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """adbutils would start one that nobody ends: `adb kill-server` by another program left such a server."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(unused.getsockname()[1]))
    monkeypatch.setattr("emulator.adb.client.answers", lambda _: True)
    monkeypatch.setattr("emulator.adb.client.ensure_adb_server", lambda *_: None)
    monkeypatch.setattr("adbutils._adb.subprocess.run", lambda *_, **__: pytest.fail("started a server"))
    client = AdbClient()
    for request in (
        client.devices,
        client.server_version,
        lambda: client.ask("phone", "host:features"),
        lambda: client.push("phone", Path(__file__), "/data/file", 0o644),
    ):
        with pytest.raises(AdbRequestError):
            request()
    client.connect("127.0.0.1:5555")
    client.disconnect("127.0.0.1:5555")


def test_a_connection_that_stays_offline_is_given_up(
    listing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """adb waits minutes for a device that has restarted, and connects to no address that it lists."""
    serial = "127.0.0.1:5555"
    listing[serial] = "offline"
    monkeypatch.setattr("emulator.adb.offline.OfflineConnection.__init__.__defaults__", (0.05,))
    monkeypatch.setattr(AdbClient, "disconnect", lambda _, address: listing.pop(address))

    def connect(_: AdbClient, address: str) -> None:
        if address not in listing:
            listing[address] = "device"

    monkeypatch.setattr(AdbClient, "connect", connect)
    adb = AdbClient()
    assert adb.reach(serial) == "offline", "it may be about to answer"
    Deadline(5).poll(lambda: adb.reach(serial) == "device", "another connection")


def test_the_patience_with_an_offline_connection_grows() -> None:
    """A busy device may take long for adb's handshake: it would never be reached by ever new connections."""
    connection = OfflineConnection(0)
    assert connection.is_dead("offline")
    waiting = OfflineConnection(1000)
    assert not waiting.is_dead("connecting")
    assert not waiting.is_dead("device")
    patient = OfflineConnection(0.02)
    times = []
    for _ in range(3):
        start = time.monotonic()
        Deadline(5).poll(lambda: patient.is_dead("offline"), "the end of its patience", interval=0.001)
        times.append(time.monotonic() - start)
    assert times[0] >= 0.02
    assert times[1] >= 0.04
    assert times[2] >= 0.08
