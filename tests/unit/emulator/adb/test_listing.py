"""Devices as the adb server lists them: their serials, states and names."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.adb.client import AdbClient
from emulator.adb.listing import HEADING, ListedDevice, Listing, parse_listing
from tests.support.fake_adb_server import fake_adb_server

WIRELESS = "adb-00000TESTSN-AbCdEf (2)._adb-tls-connect._tcp"
TWINS = """\
0123456789ABCDEF       device usb:1-4 product:xyz model:xyz device:xyz transport_id:56
0123456789ABCDEF       offline usb:1-5 transport_id:57
(no serial number)     device usb:3-1.2 transport_id:58
(no serial number)     device product:a model:b device:c transport_id:59
emulator-5554          device product:sdk model:sdk device:emu64x transport_id:60
"""
NO_ACCESS = (
    "no permissions (missing udev rules? user is in the plugdev group); see [http://x.y/tools/device.html]"
)


def test_a_serial_may_hold_blanks_and_parentheses() -> None:
    line = f"{WIRELESS} device product:lynx model:Pixel_7a device:lynx transport_id:2426\n"
    (device,) = parse_listing(line)
    assert (device.serial, device.state) == (WIRELESS, "device")
    assert device.tags["model"] == "Pixel_7a"
    assert Listing((device,)).name_of(WIRELESS) == WIRELESS


@pytest.mark.parametrize("state", ["detached", "offline", NO_ACCESS, "no permissions", "in-a-new-state"])
@pytest.mark.parametrize("tags", ["", " usb:1-4 transport_id:3"])
def test_states(state: str, tags: str) -> None:
    (device,) = parse_listing(f"{'phone':22} {state}{tags}\n")
    assert (device.serial, device.state) == ("phone", state)


@given(
    st.text(string.ascii_letters + string.digits + "()._-:", min_size=1),
    st.text(string.ascii_letters + string.digits + "()._-:"),
    st.sampled_from(["device", "offline", "recovery", "unauthorized", "detached", NO_ACCESS]),
    st.dictionaries(
        st.sampled_from(["usb", "product", "model", "device", "transport_id"]),
        st.text(string.ascii_letters + string.digits + "-_.", min_size=1),
    ),
)
def test_what_adb_prints_is_read_back(first: str, second: str, state: str, tags: dict[str, str]) -> None:
    serial = f"{first} {second}x"
    printed = "".join(f" {name}:{value}" for name, value in tags.items())
    assert parse_listing(f"{serial:22} {state}{printed}\n") == (ListedDevice(serial, state, tags),)


def test_what_adb_devices_prints_by_default() -> None:
    text = f"{HEADING}\nemulator-5554\tdevice\nan mDNS name (2)\tauthorizing\n\n"
    assert parse_listing(text) == (
        ListedDevice("emulator-5554", "device"),
        ListedDevice("an mDNS name (2)", "authorizing"),
    )


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert all(device.serial for device in parse_listing(text))


def test_devices_without_a_serial_of_their_own_are_named_by_their_place() -> None:
    listing = Listing(parse_listing(TWINS))
    assert list(listing) == ["usb:1-4", "usb:1-5", "usb:3-1.2", "transport:59", "emulator-5554"]
    assert listing.sharing("0123456789ABCDEF") == ["usb:1-4", "usb:1-5"]
    assert listing.sharing("emulator-5554") == []
    chosen = ("transport:57", "usb:1-5", "transport:60", "transport:61", "0123456789ABCDEF")
    assert [*map(listing.name_of, chosen)] == ["usb:1-5", "usb:1-5", "emulator-5554", None, None]


def test_a_request_goes_to_the_transport_of_the_device_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    answers = {"56:root:": "of the first", "57:root:": "of the second"}
    with fake_adb_server({}, text=TWINS, answers=answers) as port:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
        assert AdbClient().ask("usb:1-4", "root:") == "of the first"
        assert AdbClient().ask("usb:1-5", "root:") == "of the second"
