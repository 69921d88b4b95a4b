"""The Android SDK's emulator as this project uses it, against a double of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, UsageError
from emulator.base.progress import reporting_to
from emulator.cache.store import cache_root
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk import KIND, open_avd
from emulator.kinds.sdk_program import acceleration, emulator_program, list_avds
from emulator.target import parse_target
from harness.device.device import open_device
from tests.emulator.doubles import install

WITHIN = 60.0


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An SDK with the double in it; this machine's own, if any, cannot be found."""
    program = tmp_path / "sdk" / "emulator" / "emulator"
    install(program, "sdk_emulator")
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(tmp_path))
    return program


@pytest.mark.usefixtures("sdk")
def test_an_avd_runs_claims_restarts_and_ends() -> None:
    reported: list[str] = []
    with reporting_to(reported.append), open_device("avd:embedded") as device:
        assert device.serial.startswith("emulator-55")
        assert device.controller.disposable
        assert device.facts.root
        assert device.facts.free_binder_device
        before = device.shell("cat /proc/sys/kernel/random/boot_id")
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("cat /proc/sys/kernel/random/boot_id") != before
    assert not device.alive
    assert "the emulator has no acceleration here and is slow: /dev/kvm is not found." in reported
    assert "ended with status 0" in device.console_tail()  # by its console, not killed


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize("target", ["avd:embedded", "avd:embedded?snapshot=default_boot"])
def test_a_roll_back_undoes_what_was_done(target: str) -> None:
    with open_device(target) as device:
        serial = device.serial
        device.shell("echo lost > /data/local/tmp/file")
        device.rollback()
        assert device.serial == serial
        assert device.shell("ls /data/local/tmp") == ""
        assert device.process().uid == 0
    assert ("Loading snapshot 'default_boot'" in device.console_tail()) == ("snapshot" in target)


@pytest.mark.usefixtures("sdk")
def test_a_snapshot_that_it_does_not_have_is_an_error() -> None:
    with pytest.raises(DeviceLostError, match="Snapshot 'none' cannot be loaded"):
        open_avd(parse_target("avd:embedded?snapshot=none"))
    with pytest.raises(UsageError, match="the name of one of the AVD's snapshots"):
        parse_target("avd:embedded?snapshot=../none")


def test_acceleration_is_used_where_it_is(sdk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ThisMachine()
    assert acceleration(here, str(sdk)) == (False, "/dev/kvm is not found.")
    monkeypatch.setenv("DOUBLE_ACCELERATES", "1")
    assert acceleration(here, str(sdk)) == (True, "KVM (version 12) is installed and usable.")


@pytest.mark.usefixtures("sdk")
def test_two_run_side_by_side() -> None:
    with contextlib.ExitStack() as stack:
        serials = set()
        for _ in range(2):
            device = open_avd(parse_target("avd:embedded"))
            stack.callback(device.close)
            serials.add(device.serial)
        assert len(serials) == 2


@pytest.mark.usefixtures("sdk")
def test_an_emulator_that_ends_is_shown_with_its_output() -> None:
    with pytest.raises(DeviceLostError, match=r"ended with status 139(.|\n)*ends here, as configured"):
        open_avd(parse_target("avd:crashes"))


@pytest.mark.usefixtures("sdk")
def test_an_adbd_that_never_answers_is_an_error() -> None:
    with pytest.raises(DeviceLostError, match="not within 4 s: adb does not reach emulator-") as lost:
        open_avd(parse_target("avd:hangs"), Deadline(4.0))
    assert "offline" in str(lost.value)


@pytest.mark.usefixtures("sdk")
def test_avds_are_listed() -> None:
    here = ThisMachine()
    assert list_avds(here, emulator_program(here)) == ["embedded", "crashes", "hangs"]
    assert [offer.target for offer in KIND.offers(ThisMachine())] == [
        "avd:embedded",
        "avd:crashes",
        "avd:hangs",
    ]
    with pytest.raises(UsageError, match=r"no AVD 'pixel'\. There are:\n  avd:embedded"):
        open_avd(parse_target("avd:pixel"))


def test_without_an_sdk_the_error_names_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANDROID_HOME", raising=False)
    monkeypatch.delenv("ANDROID_SDK_ROOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="sdkmanager emulator"):
        open_avd(parse_target("avd:embedded"))
    (offer,) = KIND.offers(ThisMachine())
    assert not offer.usable
