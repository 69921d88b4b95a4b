from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

import emulator.kinds.attached
from emulator.adb.client import AdbClient
from emulator.adb.states import explain
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.base.progress import reporting_to
from emulator.host.this_machine import ThisMachine
from emulator.kinds.attached import KIND, AttachedDevice, open_attached
from emulator.target import parse_target
from tests.support.fake_adb_server import fake_adb_server


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Iterator[dict[str, str]]:
    """What the adb server lists: to be filled by the test."""
    devices: dict[str, str] = {}
    with fake_adb_server(devices) as port:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        monkeypatch.setattr(emulator.kinds.attached, "SETTLES_WITHIN", 0.3)
        monkeypatch.setattr(emulator.kinds.attached, "LISTED_WITHIN", 0.2)
        monkeypatch.setattr(emulator.kinds.attached, "_used", set())
        monkeypatch.setattr(emulator.kinds.attached, "_restarts", {})
        yield devices


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("offline", "does not answer"),
        ("unauthorized", "confirm “Allow USB debugging”"),
        ("no permissions", "may not open it on USB"),
        ("detached", "detached from the adb server"),
        ("recovery", "in the state “recovery”"),
        (None, "does not list it"),
    ],
)
def test_why_a_device_is_not_reached_is_distinguished(
    listing: dict[str, str], state: str | None, message: str
) -> None:
    listing["other"] = "device"
    if state:
        listing["phone"] = state
    with pytest.raises(SetupError, match=message) as refused:
        open_attached(parse_target("adb:phone"))
    assert "adb lists other" in str(refused.value)


def test_a_misspelt_serial_is_answered_with_the_near_one_and_an_address_is_not(
    listing: dict[str, str],
) -> None:
    listing |= {"emulator-5554": "device", "127.0.0.1:5556": "device"}
    with pytest.raises(
        SetupError, match=r"as `device`\. Did you mean emulator-5554\? \(adb lists emulator-5554, 127"
    ):
        open_attached(parse_target("adb:emulator-555"))
    with pytest.raises(SetupError, match=r"as `device`\. \(adb lists emulator-5554, 127"):
        open_attached(parse_target("adb:127.0.0.1:1"))


def test_the_only_device_needs_no_name(listing: dict[str, str]) -> None:
    listing |= {"one": "device", "asleep": "offline"}
    device = open_attached(parse_target("adb"))
    assert (device.serial, device.alive, device.disposable) == ("one", True, False)
    listing["one"] = "offline"
    assert not device.alive
    assert "does not answer" in device.loss_reason()
    del listing["one"]
    assert "does not list it" in device.loss_reason()
    device.close()


def test_several_devices_are_named_to_choose_from(
    listing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listing |= {"one": "device", "two": "device"}
    with pytest.raises(UsageError, match=r"adb:one\n  adb:two"):
        open_attached(parse_target("adb"))
    monkeypatch.setenv("ANDROID_SERIAL", "two")
    device = open_attached(parse_target("adb"))
    assert device.serial == "two"
    device.close()


TWINS = """\
0123456789ABCDEF       device usb:1-4 transport_id:56
0123456789ABCDEF       device usb:1-5 transport_id:57
"""


def test_of_devices_with_one_serial_one_is_chosen_by_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    with fake_adb_server({}, text=TWINS, answers={"57:features": "cmd,shell_v2"}) as port:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
        with pytest.raises(
            UsageError, match=r"2 devices with the serial 0123456789ABCDEF\.(.|\n)*adb:usb:1-4\n  adb:usb:1-5"
        ):
            open_attached(parse_target("adb:0123456789ABCDEF"))
        with pytest.raises(UsageError, match=r"adb reaches 2 devices\.(.|\n)*adb:usb:1-4"):
            open_attached(parse_target("adb"))
        for chosen in ("usb:1-5", "transport:57"):
            with contextlib.closing(open_attached(parse_target(f"adb:{chosen}"))) as device:
                assert (device.serial, device.alive) == ("usb:1-5", True)


@pytest.mark.usefixtures("listing")
def test_an_adbd_without_the_shell_protocol_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_adb_server({"old": "device"}, answers={"1:features": "cmd,stat_v2"}) as port:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        with pytest.raises(SetupError, match=r"The adbd of old lacks adb's shell protocol \(shell_v2\)"):
            open_attached(parse_target("adb:old"))


def test_without_a_usable_device_the_reason_for_each_is_shown(listing: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="binder-harness boot"):
        open_attached(parse_target("adb"))
    listing["phone"] = "unauthorized"
    with pytest.raises(
        SetupError, match=r"adb reaches no device\.\nadb does not reach phone: it does not trust"
    ):
        open_attached(parse_target("adb"))


def test_a_device_is_not_restarted_unasked(listing: dict[str, str]) -> None:
    listing["phone"] = "device"
    device = open_attached(parse_target("adb:phone"))
    with pytest.raises(UsageError, match=r"adb:phone\?restart=allowed"):
        device.restart(Deadline(5))
    device.close()


def test_two_runs_do_not_use_one_device_at_once(listing: dict[str, str]) -> None:
    listing["phone"] = "device"
    hold = (
        "import sys; from emulator.kinds.device_lock import device_lock\n"
        "with device_lock('phone'): print('held', flush=True); sys.stdin.read()"
    )
    reported: list[str] = []
    with (
        subprocess.Popen(
            [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other,
        reporting_to(reported.append),
    ):
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(HarnessError, match=f"phone was in use by process {other.pid} for 0.3 s"):
            open_attached(parse_target("adb:phone"), Deadline(0.3))
    assert reported == [f"the device phone is in use by process {other.pid}: waiting for its end"]
    open_attached(parse_target("adb:phone")).close()


@pytest.mark.parametrize(
    ("state", "seconds", "message"),
    [
        ("offline", "0.3", "the device does not answer"),
        (None, "0.2", "connect it until `adb devices` lists it"),
    ],
)
@pytest.mark.parametrize("ask", [lambda device: device.reconnect(Deadline(60)), lambda _: open_phone()])
def test_a_lost_device_is_waited_for_once_and_not_long(
    listing: dict[str, str],
    state: str | None,
    seconds: str,
    message: str,
    ask: Callable[[AttachedDevice], object],
) -> None:
    listing["phone"] = "device"
    device = open_phone()
    device.close()
    _become(listing, state)
    with pytest.raises(DeviceLostError, match=f"not within {seconds} s.*{message}"):
        ask(device)
    with pytest.raises(SetupError, match=message):
        open_phone()
    with pytest.raises(DeviceLostError, match="not within 0 s"):
        device.reconnect(Deadline(60))


def test_a_device_that_comes_back_is_waited_for_again(listing: dict[str, str]) -> None:
    listing["phone"] = "device"
    device = open_phone()
    for _ in range(2):
        del listing["phone"]
        threading.Timer(0.05, listing.update, [{"phone": "device"}]).start()
        device.reconnect(Deadline(60))
    device.close()


def test_a_device_that_is_restarted_has_the_time_that_it_was_given(
    listing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_slow(_adb: AdbClient, serial: str, _: Deadline) -> None:
        del listing[serial]
        raise InterruptedError  # as where the time of a claim is over

    monkeypatch.setattr(emulator.kinds.attached, "restart", is_slow)
    listing["phone"] = "device"
    device = open_phone("?restart=allowed")
    with pytest.raises(InterruptedError):
        device.restart(Deadline(60))
    device.close()
    threading.Timer(0.5, listing.update, [{"phone": "device"}]).start()
    open_phone("?restart=allowed").close()


def test_a_device_that_does_not_come_back_from_a_restart_is_lost(
    listing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_returns(_: AdbClient, serial: str, deadline: Deadline) -> None:
        del listing[serial]
        deadline.poll(lambda: False, f"{serial} to restart")

    monkeypatch.setattr(emulator.kinds.attached, "restart", never_returns)
    listing["phone"] = "device"
    device = open_phone("?restart=allowed")
    with pytest.raises(DeviceLostError, match=r"phone to restart: not within 0\.1 s.*does not list it"):
        device.restart(Deadline(0.1))
    device.close()


def open_phone(options: str = "") -> AttachedDevice:
    return open_attached(parse_target(f"adb:phone{options}"))


def _become(listing: dict[str, str], state: str | None) -> None:
    del listing["phone"]
    if state is not None:
        listing["phone"] = state


def test_a_server_that_does_not_know_the_request_is_an_error(listing: dict[str, str]) -> None:
    listing["phone"] = "device"
    with pytest.raises(HarnessError, match="does not answer “root:”"):
        open_attached(parse_target("adb:phone?root=allowed"))


def test_all_devices_are_offered(listing: dict[str, str]) -> None:
    assert [(offer.target, offer.usable) for offer in KIND.offers(ThisMachine())] == [("adb", False)]
    listing |= {"one": "device", "two": "unauthorized"}
    offers = {offer.target: offer for offer in KIND.offers(ThisMachine())}
    assert offers["adb:one"].usable
    assert not offers["adb:two"].usable
    assert "confirm" in offers["adb:two"].detail


def test_without_a_server_there_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    assert AdbClient().state("phone") == "gone"
    assert "adb does not list it" in explain("phone", "gone")
