"""The measurement of the service manager's end: read on any Android, tried on one of the harness's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError
from harness.device.device import Device
from harness.experiments.service_manager.restart import measure_service_restart
from tests.support.fake_files import FakeFiles

FILES = {
    "/init.rc": "on boot\n",
    "/system/etc/init/servicemanager.rc": "service servicemanager /system/bin/servicemanager\n"
    "  onrestart restart zygote\n  onrestart restart media\n  onrestart restart healthd\n",
}
BEFORE = {"servicemanager": 200, "zygote": 300, "media": 400, "adbd": 500}


class FakeAndroid:
    """An init whose services are other processes once the service manager is killed, but for some."""

    def __init__(self, *, disposable: bool, survivors: tuple[str, ...] = (), files: Any = FILES) -> None:
        self.files = FakeFiles(files)
        self.controller = SimpleNamespace(disposable=disposable)
        self.facts = SimpleNamespace(framework=False, api_level=33)
        self.processes = dict(BEFORE)
        self.survivors = survivors
        self.killed: list[str] = []

    @property
    def device(self) -> Device:
        return cast(Device, self)

    def run(self, command: str) -> SimpleNamespace:
        assert command == "getprop"
        lines = [f"[init.svc_debug_pid.{name}]: [{pid}]" for name, pid in self.processes.items()]
        return SimpleNamespace(output="\n".join(["[ro.build.type]: [userdebug]", *lines, ""]))

    def shell(self, command: list[str]) -> str:
        assert command[:2] == ["kill", "-9"]
        self.killed.append(command[2])
        for name in ("servicemanager", "zygote", "media"):
            if name not in self.survivors:
                self.processes[name] += 1000
        return ""


def test_on_a_phone_only_the_files_are_read() -> None:
    android = FakeAndroid(disposable=False)
    measured = measure_service_restart(android.device)
    assert measured.declared == ("healthd", "media", "zygote")
    assert (measured.running, measured.restarted, measured.manager_restarted) == ((), (), None)
    assert android.killed == []


def test_on_an_android_of_our_own_it_is_tried() -> None:
    android = FakeAndroid(disposable=True)
    measured = measure_service_restart(android.device)
    assert android.killed == ["200"]
    assert measured.running == measured.restarted == ("media", "zygote")
    assert measured.manager_restarted is True


def test_what_survives_is_not_restarted() -> None:
    android = FakeAndroid(disposable=True, survivors=("media",))
    measured = measure_service_restart(android.device, seconds=0.01)
    assert (measured.running, measured.restarted) == (("media", "zygote"), ("zygote",))


def test_the_files_of_current_androids_are_read() -> None:
    manager = "service servicemanager /system/bin/servicemanager\n  onrestart class_restart main\n"
    files = {
        "/ueventd.rc": "",
        "/system/etc/init/hw/init.rc": "service zygote /system/bin/app_process64\n  class main\n",
        "/system/etc/init/servicemanager.rc": manager,
        "/apex/com.android.media/etc/init.30rc": "service media /apex/a\n  class main\n",
        "/apex/com.android.media@34/etc/init.30rc": "service twice /apex/a\n  class main\n",
    }
    android = FakeAndroid(disposable=False, files=files)
    assert measure_service_restart(android.device).declared == ("media", "zygote")


def test_without_android_there_is_nothing_to_measure() -> None:
    with pytest.raises(FacilityMissingError, match=r"no \.rc file of this device declares servicemanager"):
        measure_service_restart(FakeAndroid(disposable=True, files={"/etc/inittab": ""}).device)
