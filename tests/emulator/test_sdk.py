"""The Android SDK's emulator as this project uses it, against a double of it."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.base.progress import reporting_to
from emulator.cache.root import cache_root
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.device import find_emulator
from emulator.kinds.sdk.kind import KIND, open_avd
from emulator.kinds.sdk.program import acceleration, emulator_program, list_avds
from emulator.target import parse_target
from harness.device.device import open_device
from tests.emulator.doubles.sdk_files import add_snapshot, files_of, make_avd, make_sdk

WITHIN = 60.0


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The home of a user with an SDK; this machine's own, if any, cannot be found."""
    make_sdk(tmp_path / "sdk")
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    monkeypatch.delenv("ANDROID_AVD_HOME", raising=False)
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    for kept in (cache_root() / "booted-avds").glob("embedded-*"):
        shutil.rmtree(kept)


def disk_in(output: str) -> list[str]:
    """What the guest's disk had at the last start, as the double reports it."""
    return output.rpartition("the guest's disk has: ")[2].split("\n")[0].split()


def test_a_copy_of_an_avd_runs_claims_restarts_and_rolls_back(home: Path) -> None:
    content = make_avd(home, "embedded")
    (content / "read-snapshot.txt").write_text("of another tool")
    original = files_of(content)
    reported: list[str] = []
    with reporting_to(reported.append), open_device("avd:embedded") as device:
        assert device.serial.startswith("emulator-55")
        assert device.controller.disposable
        assert device.facts.root
        assert device.facts.free_binder_device
        assert disk_in(device.console_tail()) == ["first-boot", "owner's", "written"]
        before = device.shell("cat /proc/sys/kernel/random/boot_id")
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("cat /proc/sys/kernel/random/boot_id") != before
        assert disk_in(device.console_tail()) == ["first-boot", "owner's", "written", "written"]
        serial = device.serial
        device.rollback()
        assert device.serial == serial
        assert device.process().uid == 0
        assert disk_in(device.console_tail()) == ["first-boot", "owner's", "written"]
        copy = Path(device.console_tail().rpartition("console port ")[2].split()[0])
        assert (cache_root() / "avds" / copy).is_dir()
    assert not device.alive
    assert "the emulator has no acceleration here and is slow: /dev/kvm is not found." in reported
    assert "ended with status 0" in device.console_tail()  # by its console, not killed
    assert files_of(content) == original
    assert not (cache_root() / "avds" / copy).exists()


def test_a_snapshot_is_started_from_and_rolled_back_to(home: Path) -> None:
    content = make_avd(home, "embedded")
    original = files_of(content)
    with open_device("avd:embedded?snapshot=default_boot") as device:
        for _ in range(2):
            assert "Loading snapshot 'default_boot'" in device.console_tail()
            assert disk_in(device.console_tail()) == ["first-boot", "written"]
            device.shell("echo lost > /data/local/tmp/file")
            device.rollback()
            assert device.shell("ls /data/local/tmp") == ""
    assert files_of(content) == original


def test_a_snapshot_that_it_does_not_have_is_an_error(home: Path) -> None:
    make_avd(home, "embedded")
    with pytest.raises(UsageError, match=r"no snapshot 'none'\. Its snapshots: default_boot"):
        open_avd(parse_target("avd:embedded?snapshot=none"))
    with pytest.raises(UsageError, match="the name of one of the AVD's snapshots"):
        parse_target("avd:embedded?snapshot=../none")


def test_a_snapshot_that_the_emulator_deletes_is_still_there(home: Path) -> None:
    content = make_avd(home, "embedded")
    add_snapshot(content, "of_another_avd", "another")
    original = files_of(content)
    with pytest.raises(
        DeviceLostError, match=r"will delete existing snapshot(.|\n)*'of_another_avd' cannot be loaded"
    ):
        open_avd(parse_target("avd:embedded?snapshot=of_another_avd"))
    assert files_of(content) == original


def test_an_avd_that_the_users_emulator_runs_is_left_alone(home: Path) -> None:
    content = make_avd(home, "embedded")
    with (content / "multiinstance.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HarnessError, match="embedded is in use: an emulator runs it"):
            open_avd(parse_target("avd:embedded"))


def test_a_first_boot_is_announced_and_can_be_kept(home: Path) -> None:
    content = make_avd(home, "embedded", booted=False, **{"tag.id": "google_apis_playstore"})
    original = files_of(content)
    reported: list[str] = []
    with reporting_to(reported.append), contextlib.closing(open_avd(parse_target("avd:embedded"))) as device:
        assert disk_in(device.loss_reason()) == ["written"]
    assert any("has never booted to the end" in line and "30 minutes" in line for line in reported)
    assert any("a user build, on which nobody becomes root" in line for line in reported)
    for run in ("first", "second"):
        reported.clear()
        target = parse_target("avd:embedded?first_boot=keep")
        with reporting_to(reported.append), contextlib.closing(open_avd(target)) as device:
            assert disk_in(device.loss_reason()) == ["written", "written"]
        assert any("booting embedded for the first time" in line for line in reported) == (run == "first")
    # The lock file is the emulators' own, and empty.
    assert files_of(content) == {**original, "multiinstance.lock": b""}


def test_acceleration_is_used_where_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, program = ThisMachine(), str(home / "sdk" / "emulator" / "emulator")
    assert acceleration(here, program) == (False, "/dev/kvm is not found.")
    emulator = find_emulator(here)
    assert [emulator.start_seconds(booted=booted) for booted in (True, False)] == [1800.0, 1800.0]
    monkeypatch.setenv("DOUBLE_ACCELERATES", "1")
    assert acceleration(here, program) == (True, "KVM (version 12) is installed and usable.")
    emulator = find_emulator(here)
    assert [emulator.start_seconds(booted=booted) for booted in (True, False)] == [300.0, 600.0]


def test_two_run_side_by_side(home: Path) -> None:
    make_avd(home, "embedded")
    with contextlib.ExitStack() as stack:
        serials = set()
        for _ in range(2):
            device = open_avd(parse_target("avd:embedded"))
            stack.callback(device.close)
            serials.add(device.serial)
        assert len(serials) == 2


def test_an_emulator_that_ends_is_shown_with_its_output(home: Path) -> None:
    make_avd(home, "crashes")
    with pytest.raises(DeviceLostError, match=r"ended with status 139(.|\n)*ends here, as configured"):
        open_avd(parse_target("avd:crashes"))


def test_an_adbd_that_never_answers_is_an_error(home: Path) -> None:
    make_avd(home, "hangs")
    with pytest.raises(DeviceLostError, match="not within 4 s: adb does not reach emulator-") as lost:
        open_avd(parse_target("avd:hangs"), Deadline(4.0))
    assert "offline" in str(lost.value)


def test_avds_are_listed(home: Path) -> None:
    here = ThisMachine()
    (offer,) = KIND.offers(here)
    assert (offer.usable, "binder-harness get avd" in offer.detail) == (False, True)
    for name in ("embedded", "crashes"):
        make_avd(home, name)
    assert list_avds(here, emulator_program(here)) == ["crashes", "embedded"]
    assert [offer.target for offer in KIND.offers(here)] == ["avd:crashes", "avd:embedded"]
    with pytest.raises(UsageError, match=r"no AVD 'pixel'\. There are:\n  avd:crashes"):
        open_avd(parse_target("avd:pixel"))


def test_without_an_sdk_the_error_names_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANDROID_HOME", raising=False)
    monkeypatch.delenv("ANDROID_SDK_ROOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="sdkmanager emulator"):
        open_avd(parse_target("avd:embedded"))
    (offer,) = KIND.offers(ThisMachine())
    assert not offer.usable
