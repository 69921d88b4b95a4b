"""What a machine has for Binder, from what the survey's script prints there, and what a user is told."""

from __future__ import annotations

import dataclasses

import pytest

from emulator.host.this_machine import ThisMachine
from emulator.kinds.local.survey import INITIAL_PROCESSES, LOAD, description, obstacle, parse_survey, survey

BARE = f"release 6.8.0-1017-azure\nuser 1001\nprocesses {INITIAL_PROCESSES}\n"
MODULE = "loadable /lib/modules/6.8.0-1017-azure/kernel/drivers/android/binder_linux.ko.zst\n"
DRIVER = "driver /sys/module/binder_linux/parameters/devices\n"
BINDERFS = "binderfs known\n"
WAYDROID = (
    f"{BARE}{BINDERFS}{DRIVER}mounted /dev/binderfs\nclosed /dev/binderfs/binder-control\n"
    "open /dev/binderfs/anbox-binder\nopen /dev/binderfs/anbox-hwbinder\nopen /dev/binderfs/anbox-vndbinder\n"
)
DEBIAN = f"{BARE}{DRIVER}closed /dev/binder\nclosed /dev/hwbinder\nclosed /dev/vndbinder\n"


@pytest.mark.parametrize(
    ("output", "root", "phrases"),
    [
        (BARE, True, ("no binder device", "linux-modules-extra-6.8.0-1017-azure", "--target embedded")),
        (BARE + MODULE, True, ("not loaded", LOAD)),
        (BARE + "directory /dev/binder\n" + MODULE, True, ("/dev/binder is a directory", "not loaded", LOAD)),
        (BARE + DRIVER, True, ("loaded without any", "Restart the machine", LOAD)),
        (BARE + BINDERFS, False, ("only root may mount a binderfs", "local?root=allowed")),
        (DEBIAN, False, ("User 1001 may open none", "/dev/vndbinder", "local?root=allowed")),
        (WAYDROID.replace("open ", "closed "), False, ("/dev/binderfs/anbox-binder",)),
        (WAYDROID.replace(INITIAL_PROCESSES, "pid:[4026532281]"), True, ("container", "--pid=host")),
    ],
)
def test_what_hinders_is_explained_with_what_helps(output: str, root: bool, phrases: tuple[str, ...]) -> None:
    reason = obstacle(parse_survey(output), root=root)
    for phrase in phrases:
        assert phrase in reason


@pytest.mark.parametrize(
    ("output", "root"),
    [
        *((WAYDROID, False), (WAYDROID, True), (DEBIAN, True), (BARE + BINDERFS, True)),
        (DEBIAN.replace(INITIAL_PROCESSES, ""), True),  # without CONFIG_PID_NS there is no container
    ],
)
def test_a_machine_that_can_be_used_has_no_obstacle(output: str, root: bool) -> None:
    assert obstacle(parse_survey(output), root=root) == ""


def test_that_of_service_managers_is_taken_last_and_what_makes_devices_is_none() -> None:
    assert parse_survey(DEBIAN).devices == ("/dev/hwbinder", "/dev/vndbinder", "/dev/binder")
    assert not any(path.endswith("control") for path in parse_survey(WAYDROID).devices)


def test_devices_of_a_binderfs_open_under_their_own_names_alone() -> None:
    assert parse_survey(WAYDROID).copyable == ()
    assert parse_survey(DEBIAN).copyable == parse_survey(DEBIAN).devices


def test_a_device_that_is_listed_twice_is_one() -> None:
    assert parse_survey(DEBIAN + "closed /dev/binder\n").devices == parse_survey(DEBIAN).devices


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("anbox-binder", "Waydroid's or Anbox's"),
        ("vndpuddlejumper", "Waydroid's on SailfishOS"),
        ("hwbonder", "Waydroid's"),
    ],
)
def test_the_devices_of_others_are_named_by_their_owner(name: str, owner: str) -> None:
    assert f"/dev/{name} ({owner})" in description(parse_survey(f"{BARE}{DRIVER}open /dev/{name}\n"))
    assert "(" not in description(parse_survey(DEBIAN))


def test_this_machine_is_surveyed() -> None:
    found = survey(ThisMachine())
    assert found == dataclasses.replace(found, release=found.release.strip())
    assert found.release
    assert found.devices == () or found.driver
