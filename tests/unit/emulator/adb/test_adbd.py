"""Asking adbd to restart: what it answers where it does, and where it does not."""

from __future__ import annotations

import pytest

from emulator.adb.adbd import become_root
from emulator.adb.client import AdbClient
from emulator.base.deadline import Deadline
from emulator.base.progress import reporting_to
from tests.support.fake_adb_server import fake_adb_server


@pytest.mark.parametrize(
    "refusal",
    [
        # AOSP's own (adb/daemon/restart_service.cpp), LineageOS' of today and of before, and none.
        "adbd cannot run as root in production builds",
        "ADB Root access is disabled by system setting - enable in Settings -> System -> Developer options",
        "root access is disabled by system setting - enable in settings -> development options",
        "",
    ],
)
def test_a_refusal_in_any_words_is_shown_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, refusal: str
) -> None:
    reported: list[str] = []
    answers = {"1:shell:id -u": "2000\n", "1:root:": f"{refusal}\n"}
    with fake_adb_server({"phone": "device"}, answers=answers) as port, reporting_to(reported.append):
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
        deadline = Deadline(60)
        assert become_root(AdbClient(), "phone", deadline) is False
    assert deadline.remaining() > 50
    assert reported == [f"adb root on phone: {refusal or 'adbd does not answer'}"]
