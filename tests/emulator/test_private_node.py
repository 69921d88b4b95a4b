"""A binder device of the run's own, on a kernel with binderfs, and what probing leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.adb.adbd import become_shell
from emulator.adb.client import AdbClient
from emulator.base.deadline import Deadline
from harness.binder import open_pair
from harness.binder.endpoint import Binder
from harness.device.adb_link import NODE_PLACE
from harness.device.device import Device, open_device
from harness.device.facts import Need
from harness.device.private_node import NAME, make_private_node
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from harness.experiments.instruments.attempts import SUCCESS, attempt

BINDERFS = "embedded?kernel=debian-source"
SYSTEM_USER = 1000
"""AID_SYSTEM, as which Android's service managers run."""
DIRECTORY = NODE_PLACE.directory
OURS = f"{DIRECTORY}/{NAME}"


@pytest.fixture(scope="module")
def managed() -> Iterator[Device]:
    """A device of which every binder device has a context manager, as on a phone."""
    with open_device(f"{BINDERFS}&managers=all") as device:
        yield device


def mounted(device: Device) -> int:
    return device.files.read_text("/proc/mounts").count(f" {DIRECTORY} binder ")


def test_where_all_devices_are_taken_the_run_has_its_own(managed: Device) -> None:
    with managed.process() as process:
        for path in managed.facts.binder_devices:
            with Binder.open(process, path) as taken, pytest.raises(OSError, match="busy"):
                taken.become_context_manager()
    assert managed.facts.free_binder_device == OURS
    assert OURS not in managed.facts.binder_devices
    with managed.process(uid=SYSTEM_USER) as anyone, Binder.open(anyone, OURS) as opened:
        assert opened.file.is_open


def test_probing_leaves_a_free_device_to_its_manager() -> None:
    with open_device(BINDERFS) as device:
        assert device.facts.driver_ioctls >= {"BINDER_SET_CONTEXT_MGR", "BINDER_SET_CONTEXT_MGR_EXT"}
        with device.process(uid=SYSTEM_USER) as manager, Binder.open(manager, "/dev/vndbinder") as binder:
            binder.become_context_manager()


def test_nothing_of_it_stays_on_an_attached_device(managed: Device) -> None:
    with open_device(f"adb:{managed.serial}") as attached:
        assert attached.facts.free_binder_device == OURS
        assert mounted(managed) == 1
    assert mounted(managed) == 0
    assert not managed.files.exists(DIRECTORY)


def test_what_a_killed_run_left_is_removed(managed: Device) -> None:
    with managed.process() as killed:
        make_private_node(killed, NODE_PLACE)
    with open_device(f"adb:{managed.serial}") as attached:
        assert attached.facts.free_binder_device == OURS
        assert mounted(managed) == 1
    assert mounted(managed) == 0


def test_where_none_can_be_mounted_it_is_in_androids_binderfs(managed: Device) -> None:
    managed.shell(["touch", DIRECTORY])  # no directory to mount on
    try:
        with open_device(f"adb:{managed.serial}") as attached:
            assert attached.facts.free_binder_device == f"{NODE_PLACE.shared}/{NAME}"
        assert not managed.files.exists(f"{NODE_PLACE.shared}/{NAME}")
    finally:
        managed.shell(["rm", DIRECTORY])


def test_a_rolled_back_device_has_it_again() -> None:
    with open_device(BINDERFS) as device:
        path = device.facts.free_binder_device
        device.rollback()
        with device.process() as process, Binder.open(process, str(path)) as binder:
            binder.become_context_manager()


def test_without_binderfs_a_device_is_tried_as_the_user_of_the_program_that_is_for_it() -> None:
    with open_device("embedded") as device:
        device.shell("mkdir -p /vendor/bin && touch /vendor/bin/vndservicemanager")
        assert device.facts.free_binder_device == "/dev/vndbinder"
        assert device.facts.driver_ioctls >= {"BINDER_SET_CONTEXT_MGR", "BINDER_SET_CONTEXT_MGR_EXT"}
        assert judge(CLAIMS.get("proto.ioctls"), device).verdict is Verdict.CONFIRMED
        with open_pair(device, "/dev/vndbinder") as pair:
            pair.client.transact(0, code=1)
            assert pair.server_process.syscall("geteuid") == 0
        with device.process(uid=SYSTEM_USER) as manager, Binder.open(manager, "/dev/vndbinder") as binder:
            Deadline(10).poll(lambda: attempt(binder.become_context_manager) == SUCCESS, "the device")


def test_without_binderfs_and_root_it_is_left_to_that_program() -> None:
    with open_device("embedded") as device:
        device.shell("mkdir -p /vendor/bin")
        device.shell("touch /vendor/bin/vndservicemanager /system/bin/hwservicemanager")
        become_shell(AdbClient(), device.serial, Deadline(30))
        with open_device(f"adb:{device.serial}") as unrooted:
            assert unrooted.facts.free_binder_device is None
            reason = unrooted.facts.reasons[Need.FREE_BINDER]
    assert "/dev/vndbinder is left to /vendor/bin/vndservicemanager" in reason


def test_without_binderfs_and_a_free_device_there_is_none() -> None:
    with open_device("embedded?managers=all") as device:
        assert device.facts.free_binder_device is None
        assert "/dev/vndbinder: Device or resource busy" in device.facts.reasons[Need.FREE_BINDER]
