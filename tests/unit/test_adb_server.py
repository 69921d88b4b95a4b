from __future__ import annotations

from pathlib import Path

import pytest

from emulator import adb_server
from emulator.errors import UsageError


def test_a_server_does_not_wait_for_usb_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADB_LIBUSB", raising=False)
    monkeypatch.setattr(adb_server, "USB", tmp_path / "none")
    assert adb_server._environment()["ADB_LIBUSB"] == "0"
    monkeypatch.setattr(adb_server, "USB", tmp_path)
    assert "ADB_LIBUSB" not in adb_server._environment()


@pytest.mark.parametrize("port", ["", "adb", "-1", "65536"])
def test_what_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with pytest.raises(UsageError, match=f"ANDROID_ADB_SERVER_PORT is the number of a port, not '{port}'"):
        adb_server.server_port()


def test_the_user_s_choice_of_a_way_to_usb_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADB_LIBUSB", "1")
    monkeypatch.setattr(adb_server, "USB", tmp_path / "none")
    assert adb_server._environment()["ADB_LIBUSB"] == "1"
