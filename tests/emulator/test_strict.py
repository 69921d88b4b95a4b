"""A device as strict as a phone: what its policy refuses, and what every claim makes of that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pytest

from emulator.adb.adbd import become_root, become_shell
from emulator.adb.client import AdbClient
from emulator.base.controller import CanStartAgents
from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, HarnessError
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.binder.endpoint import Binder
from harness.binder.parcels.parcel import Parcel
from harness.binder.services.service_manager import ServiceManager
from harness.device.binder_report import report_binder
from harness.device.device import Device, open_device
from harness.device.facts import Need
from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.denial import facility_behind
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from harness.experiments.core.measurement import MEASUREMENTS
from harness.experiments.instruments.attempts import attempt
from harness.kernel.binder_debug.debug_files import BinderDebugMissingError
from harness.kernel.tracing.tracefs import TracingMissingError
from tests.emulator.ssh_server import SshServer
from tests.support.documentation import ROOT
from tests.support.sentences import leaked

WITHIN = 60.0
SERVICE = "binder_harness.strict"
CLOSED = ("/proc/sys/kernel/osrelease", "/proc/devices", "/proc/misc", "/proc/sys/fs/file-max")
HIDDEN = (
    *(Need.ROOT, Need.FREE_BINDER, Need.BINDER_DEBUG, Need.TRACING, Need.KPROBES, Need.PAGEMAP),
    Need.KCORE,
)
FILTERED = {"BINDER_FREEZE", "BINDER_GET_FROZEN_INFO"}
CONFIRMED, REFUTED, CONDITIONAL = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.CONDITIONAL
JUDGED_UNROOTED: Mapping[str, Verdict] = {
    "node.fd-link": CONFIRMED,
    "node.fd-limit": CONFIRMED,
    "node.ioctl-only": CONFIRMED,
    "mmap.read-only": CONFIRMED,
    "mmap.once": CONFIRMED,
    "mmap.opener-only": CONFIRMED,
    "limit.zygote-1m-8k": CONFIRMED,
    "limit.buffer-1mb": REFUTED,
    "proto.version": CONFIRMED,
    "sm.handle-zero": CONFIRMED,
    "sm.single": CONFIRMED,
    "process.singleton": CONFIRMED,
    "process.mapping-flags": CONFIRMED,
    "process.driver-fallback": CONFIRMED,
    "process.fork-check": REFUTED,
}
"""The claims that a phone's shell can judge; all others are not testable there."""
NOT_TESTABLE_AS_ROOT = {
    "mmap.same-frame": "/proc/kcore",
    "sm.restart": "Android's init",
}
IN_EVERY_RUN = (
    *("node.misc", "node.proc-record", "node.one-per-process", "mmap.cap-4m", "mmap.lazy-pages"),
    *("mmap.freed-at-once", "mmap.sender-shares", "copy.binder-one", "limit.largest-sync"),
    *("limit.servicemanager-128k", "proto.call-sequence", "proto.ioctls", "proto.death", "sm.read-buffer"),
    *("sm.register-lookup", "broadcast.delivery", *NOT_TESTABLE_AS_ROOT),
)
"""Of the claims as root, those that use each instrument at least once."""


@pytest.fixture(scope="module")
def user() -> Iterator[Device]:
    with open_device("embedded?android=user") as device:
        yield device


@pytest.fixture(scope="module")
def userdebug() -> Iterator[Device]:
    with open_device("embedded?android=userdebug") as device:
        yield device


def context(device: Device) -> str:
    return device.shell("cat /proc/self/attr/current").rstrip("\0")


def opening(process: RemoteProcess, path: str) -> str:
    return attempt(lambda: process.syscall("openat", AT_FDCWD, path.encode(), os.O_RDWR))


def test_a_user_build_gives_nobody_root(user: Device) -> None:
    assert AdbClient().ask(user.serial, "root:") == "adbd cannot run as root in production builds"
    assert not become_root(AdbClient(), user.serial, Deadline(WITHIN))
    assert (user.facts.build_type, user.facts.root) == ("user", False)
    assert user.facts.reasons[Need.ROOT] == "adb's shell runs as user 2000; a user build has no `adb root`"
    # CAP_SETUID and CAP_SETGID alone, for run-as (adb/daemon/main.cpp)
    assert "CapBnd:\t00000000000000c0" in user.shell("cat /proc/self/status")


def test_its_shell_is_confined_and_so_is_every_agent(user: Device) -> None:
    assert context(user) == "u:r:shell:s0"
    assert user.files.read_text("/proc/self/attr/current").rstrip("\0") == "u:r:shell:s0"
    assert user.files.read_text("/sys/fs/selinux/enforce") == "1"
    assert isinstance(user.controller, CanStartAgents)
    assert user.controller.start_agent([]) is None


@pytest.mark.parametrize("path", CLOSED)
def test_a_file_of_proc_is_closed_to_the_shell(user: Device, path: str) -> None:
    with pytest.raises(PermissionError, match=path):
        user.files.read_text(path)


def test_what_a_phone_hides_is_missing_with_a_reason(user: Device) -> None:
    hidden = (
        Need.ROOT,
        Need.FREE_BINDER,
        Need.BINDER_DEBUG,
        Need.TRACING,
        Need.KPROBES,
        Need.PAGEMAP,
        Need.KCORE,
    )
    for need in hidden:
        assert not need.met_by(user.facts)
        assert leaked(user.facts.reasons[need]) == []
    assert user.facts.kernel_release == user.shell("uname -r")
    assert user.facts.reasons[Need.FREE_BINDER].count("is left to") == 3, "each device counts once"


def test_of_filtered_ioctls_nothing_is_known(user: Device, userdebug: Device) -> None:
    assert user.facts.refused_ioctls == FILTERED
    assert not user.facts.driver_ioctls & FILTERED
    assert userdebug.facts.driver_ioctls - user.facts.driver_ioctls == FILTERED
    assert userdebug.facts.refused_ioctls == frozenset()


def test_binder_devices_are_open_to_the_shell_but_for_vndbinder(user: Device) -> None:
    with user.process() as process:
        assert opening(process, "/dev/vndbinder") == "EACCES"
        for path in ("/dev/binder", "/dev/hwbinder"):
            with Binder.open(process, path) as binder:
                assert attempt(binder.become_context_manager) == "EBUSY"
        assert user.files.read_link("/dev/binder") == "/dev/binderfs/binder"


def test_who_manages_each_device_is_reported_in_words(user: Device) -> None:
    assert {node.path: node.manager for node in report_binder(user).nodes} == {
        "/dev/vndbinder": "not known: Permission denied",
        "/dev/hwbinder": "left alone: its manager speaks HIDL, not AIDL",
        "/dev/binder": "its service manager speaks Android 11",
    }


def test_the_service_manager_asks_the_policy(user: Device, userdebug: Device) -> None:
    for device in (user, userdebug):
        with device.process() as process, Binder.open(process, "/dev/binder") as binder:
            assert ServiceManager(binder).check("manager") is not None
    with userdebug.service(SERVICE, lambda call: Parcel().int32(call.code)):
        assert SERVICE in userdebug.shell("service list")
    refused = pytest.raises(FacilityMissingError, match="policy refuses to user 2000")
    with refused, user.service(SERVICE, lambda call: Parcel().int32(call.code)):
        pass


def test_a_recording_is_refused_with_words(user: Device) -> None:
    with pytest.raises(TracingMissingError, match=r"instances: Permission denied\. Tracing needs root"):
        user.tracing.tried()


def test_a_userdebug_build_becomes_root_and_gives_it_back(userdebug: Device) -> None:
    assert (userdebug.facts.build_type, userdebug.facts.root) == ("userdebug", True)
    assert context(userdebug) == "u:r:su:s0"
    with open_device(f"adb:{userdebug.serial}") as attached:
        become_shell(AdbClient(), userdebug.serial, Deadline(WITHIN))
        try:
            assert context(attached) == "u:r:shell:s0"
            assert attached.run(f"cat {CLOSED[0]}").status != 0
        finally:
            assert become_root(AdbClient(), userdebug.serial, Deadline(WITHIN))
    userdebug.reset_after_reboot()
    assert context(userdebug) == "u:r:su:s0"
    assert userdebug.shell(f"cat {CLOSED[0]}") == userdebug.facts.kernel_release


def test_debugfs_is_for_root_to_mount(userdebug: Device) -> None:
    assert userdebug.facts.binder_debug == "/dev/binderfs/binder_logs"
    assert "debugfs" not in userdebug.files.read_text("/proc/mounts")
    userdebug.shell("mount -t debugfs none /sys/kernel/debug")
    try:
        assert userdebug.files.exists("/sys/kernel/debug/binder/state")
    finally:
        userdebug.shell("umount /sys/kernel/debug")


def test_a_rolled_back_and_a_booted_device_enforce(user: Device, userdebug: Device) -> None:
    user.rollback()
    assert context(user) == "u:r:shell:s0"
    userdebug.rollback()
    assert context(userdebug) == "u:r:su:s0", "adbd is root again"
    with open_device("embedded?android=user&start=cold") as booted:
        assert context(booted) == "u:r:shell:s0"
        assert booted.files.read_text("/sys/fs/selinux/enforce") == "1"


def check_sentences(claim: Claim, device: Device) -> Verdict:
    result = judge(claim, device)
    assert result.as_expected is not False, result.explanation + result.traceback
    assert leaked(f"{result.measured} {result.reason}") == []
    if result.verdict is Verdict.NOT_TESTABLE:
        assert "can be tested on" in result.reason
    return result.verdict


@pytest.mark.parametrize("claim_id", CLAIMS.all())
def test_a_claim_on_a_user_build(user: Device, claim_id: str) -> None:
    verdict = check_sentences(CLAIMS.get(claim_id), user)
    assert verdict is JUDGED_UNROOTED.get(claim_id, Verdict.NOT_TESTABLE)


@pytest.mark.parametrize("name", MEASUREMENTS.all())
def test_a_measurement_on_a_user_build_measures_or_names_what_it_lacks(user: Device, name: str) -> None:
    try:
        MEASUREMENTS.get(name).run(user)
    except BinderDebugMissingError:
        pass
    except (HarnessError, OSError) as error:
        missing = facility_behind(error, user.facts)
        assert missing is not None
        assert "can be tested on" in str(missing)


def test_the_documentation_has_their_number() -> None:
    text = " ".join((ROOT / "docs" / "devices.md").read_text().split())
    assert f"On a user build {len(JUDGED_UNROOTED)} claims are judged" in text
    assert "all but two" in text
    assert len(NOT_TESTABLE_AS_ROOT) == 2


def check_as_root(userdebug: Device, claim_id: str) -> None:
    claim = CLAIMS.get(claim_id)
    verdict = check_sentences(claim, userdebug)
    assert (verdict is Verdict.NOT_TESTABLE) == (claim_id in NOT_TESTABLE_AS_ROOT)


@pytest.mark.parametrize("claim_id", IN_EVERY_RUN)
def test_a_claim_on_a_userdebug_build(userdebug: Device, claim_id: str) -> None:
    check_as_root(userdebug, claim_id)


@pytest.mark.long
@pytest.mark.parametrize("claim_id", sorted(CLAIMS.all().keys() - set(IN_EVERY_RUN)))
def test_any_other_claim_on_a_userdebug_build(userdebug: Device, claim_id: str) -> None:
    check_as_root(userdebug, claim_id)


@pytest.mark.long
@pytest.mark.usefixtures("images_there")
def test_it_runs_on_another_machine(server: SshServer) -> None:
    with open_device(f"embedded?android=userdebug&host={server.address}") as device:
        assert context(device) == "u:r:su:s0"
        device.controller.restart(Deadline(WITHIN))
        device.reset_after_reboot()
        assert context(device) == "u:r:su:s0"
