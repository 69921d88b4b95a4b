"""Facts found by trying, on this machine: what Android keeps from adb's shell is not needed for them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError
from harness.agent.files import AgentFiles
from harness.agent.process import RemoteProcess
from harness.binder.abi.uapi import BinderIoctl
from harness.device.adb_link import BINDER_DEVICES, NODE_PLACE
from harness.device.command import ShellResult
from harness.device.driver_interface import supported_and_refused
from harness.device.facts import Need
from harness.device.link import Surroundings
from harness.device.probing import NO_PROBES, ProbesTaken, find_facts, probes_taken, why_no_java
from harness.kernel.binder_debug.debug_files import BinderDebugFiles
from harness.kernel.tracing.kprobes import Kprobe
from harness.kernel.tracing.tracer import Tracer
from tests.support.agent_support import SubprocessStream

CLOSED = ("/proc/sys/kernel/osrelease", "/proc/devices", "/proc/misc", "/proc/sys/fs/file-max")
"""What only some domains may read: files of the type `proc` (AOSP, system/sepolicy, genfs_contexts)."""


class FilesOfAPhone(AgentFiles):
    """This machine's files, without those that SELinux keeps from the shell domain."""

    def read_bytes(self, path: str, *, deadline: Deadline | None = None) -> bytes:
        if path in CLOSED:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return super().read_bytes(path, deadline=deadline)


class Phone:
    """A device whose processes run on this machine."""

    def __init__(self, agent: RemoteProcess, agent_path: Path) -> None:
        self.files = FilesOfAPhone(lambda: agent)
        self.binder = BinderDebugFiles(self.files)
        self.tracing = Tracer(self.files)
        self._agent_path = agent_path
        self.surroundings = Surroundings(
            directory="/data/local/tmp",
            binder_devices=BINDER_DEVICES,
            node_place=NODE_PLACE,
            is_android=True,
            how_to_root=lambda uid, _: f"user {uid}",
        )

    def process(self) -> RemoteProcess:
        return RemoteProcess.start(SubprocessStream(self._agent_path))

    def make_private_node(self, process: RemoteProcess) -> str:  # noqa: ARG002
        raise FacilityMissingError("this device has no binderfs")

    def run(self, command: str) -> ShellResult:
        assert command == "getprop"
        return ShellResult(0, "[ro.build.type]: [user]\n[ro.build.version.sdk]: [34]\n", "")


def test_the_kernel_s_release_is_found_where_its_file_is_closed(
    agent: RemoteProcess, agent_path: Path
) -> None:
    facts = find_facts(Phone(agent, agent_path))
    assert facts.kernel_release == os.uname().release
    assert (facts.build_type, facts.api_level) == ("user", 34)


def test_a_phone_gets_no_java(agent: RemoteProcess, agent_path: Path) -> None:
    facts = find_facts(Phone(agent, agent_path))
    assert Need.JAVA.missing(facts) == (
        "needs AOSP's framework in Java: it is put on embedded devices alone. It can be tested on the target "
        "`embedded`, on which it is put."
    )
    reason = Need.FRAMEWORK_CODE.reason(facts)
    assert reason is not None
    assert reason.endswith("and AOSP's Java is not to be had (it is put on embedded devices alone)")


def test_where_java_can_be_put_there_is_no_reason_why_not() -> None:
    """It was `AOSP's Java is not to be had ()`, in facts that people see, and in JUnit's properties."""
    assert why_no_java({Need.FRAMEWORK: "no service is registered as 'activity'"}, embedded=True) == {}
    assert why_no_java({Need.ROOT: "user 2000"}, embedded=True)["java"] == "user 2000"


@pytest.mark.parametrize("denial", [errno.EACCES, errno.EPERM])
def test_of_an_ioctl_that_a_policy_refuses_nothing_is_known(denial: int) -> None:
    outcomes = dict.fromkeys((ioctl.name for ioctl in BinderIoctl), errno.EINVAL)
    outcomes |= {"BINDER_VERSION": 0, "BINDER_WRITE_READ": errno.EFAULT, "BINDER_FREEZE": denial}
    supported, refused = supported_and_refused(outcomes)
    assert supported == {"BINDER_VERSION", "BINDER_WRITE_READ"}
    assert refused == {"BINDER_FREEZE"}


@pytest.mark.parametrize(
    ("functions", "by_name", "expected"),
    [
        (("binder_alloc_new_buf", "binder_mmap", "binder_ioctl"), True, ProbesTaken(True, True, True)),
        (("binder_mmap", "binder_ioctl"), True, ProbesTaken(True, True, True)),  # the first is inlined
        (("binder_ioctl",), False, ProbesTaken(True, True, False)),
        (("vfs_read",), True, ProbesTaken(True, False, True)),  # the driver in Rust
        (("vfs_read",), False, ProbesTaken(True, False, False)),
        ((), True, ProbesTaken(False, False, False)),
    ],
)
def test_a_function_that_is_inlined_does_not_hide_that_others_can_be_probed(
    functions: tuple[str, ...], by_name: bool, expected: ProbesTaken
) -> None:
    def can_probe(probe: str | Kprobe) -> bool:
        return probe in functions if isinstance(probe, str) else by_name and probe.function in functions

    assert probes_taken(can_probe) == expected


def test_why_the_driver_in_rust_is_not_probed() -> None:
    reasons = ProbesTaken(True, False, True).refusals("Rust", None)
    assert reasons.keys() == {Need.DRIVER_PROBES}
    assert "its functions have no hooks for probes" in reasons[Need.DRIVER_PROBES]


def test_without_tracing_no_probe_is_accepted_for_the_same_reason() -> None:
    assert NO_PROBES.refusals("C", "it needs root") == {
        Need.KPROBES: "it needs root",
        Need.DRIVER_PROBES: "it needs root",
    }
