"""What a device can refuse: each is a clear error, and the device stays usable."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64
from emulator.base.controller import CanRollBack
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, UsageError
from emulator.build.agents import syscall_agent
from harness.device.device import Device
from harness.kernel.binder_debug.debug_files import BinderDebugFiles, BinderDebugMissingError

NOWHERE = "/data/local/tmp/full"


def test_a_file_for_which_there_is_no_room_is_refused(device: Device, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    device.shell(f"mkdir {NOWHERE} && mount -t tmpfs -o size=1m tmpfs {NOWHERE}")
    try:
        with pytest.raises(
            HarnessError, match=r"3,000,000 bytes.*where (\d|,){1,9} bytes are free.*Free some space"
        ):
            device.push(tmp_path / "large", f"{NOWHERE}/large")
    finally:
        device.shell(f"umount {NOWHERE} && rmdir {NOWHERE}")
    assert device.shell("echo usable") == "usable"


@pytest.mark.parametrize(("name", "reason"), [("nope", "No such file or directory"), ("", "Is a directory")])
def test_a_local_file_that_is_not_there_is_not_sought_on_the_device(
    device: Device, tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=f"^{tmp_path / name} cannot be read on this machine: {reason}"):
        device.push(tmp_path / name, "/data/local/tmp/nope")


def test_an_agent_for_another_architecture_is_refused_with_what_the_device_said(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = "/data/local/tmp/foreign_agent"
    device.push(syscall_agent(AARCH64), foreign, mode=0o755)
    monkeypatch.setitem(vars(device), "_agent", foreign)
    monkeypatch.setattr(device.controller, "start_agent", lambda _, **_options: None)
    with pytest.raises(HarnessError, match=r"(?i)exec format error|syntax error|not found"):
        device.process()
    device.shell(f"rm {foreign}")
    monkeypatch.undo()
    with device.process() as process:
        assert process.pid


def test_a_debug_file_that_cannot_be_read_is_named(device: Device) -> None:
    nowhere = "/sys/kernel/debug/no-binder"
    with pytest.raises(BinderDebugMissingError, match=nowhere):
        BinderDebugFiles(device.files, [nowhere]).state()


def test_a_file_that_is_not_there_is_not_pulled(device: Device, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"/nope could not be read from .*: there is no such file"):
        device.pull("/nope", tmp_path / "nope")
    assert not (tmp_path / "nope").exists()
    device.pull("/system/build.prop", tmp_path / "properties")
    assert "ro.product.device=embedded" in (tmp_path / "properties").read_text()


def test_an_agent_that_was_killed_spoils_nothing(device: Device) -> None:
    for _ in range(3):
        assert device.binder.location
        agent = int(device.files.read_link("/proc/self"))
        device.shell(f"kill -9 {agent}")
        assert device.run(f"while test -d /proc/{agent}; do sleep 0.01; done").status == 0
    assert device.files.read_text("/proc/sys/kernel/osrelease").strip() == device.facts.kernel_release


@pytest.mark.requires("root")
def test_a_device_on_which_everything_was_killed_is_used_again(device: Device) -> None:
    if not device.controller.disposable:
        pytest.skip("everything is killed only on a device that was started for it")
    assert device.files.exists("/proc")
    killer = device.process()
    killer.syscall("kill", -1, signal.SIGKILL)  # all but itself and init
    with pytest.raises(HarnessError):  # at the deadline: what would report its end is killed, too
        killer.syscall("kill", killer.pid, signal.SIGKILL, deadline=Deadline(1))
    Deadline(30).poll(lambda: _responds(device), "the device to start agents again")
    assert device.files.read_text("/proc/version").startswith("Linux")
    with device.process() as process:
        assert process.syscall("getpid") == process.pid
    assert device.shell("echo usable") == "usable"
    if isinstance(device.controller, CanRollBack):
        device.rollback()  # else the session's end would await for seconds what was killed


def _responds(device: Device) -> bool:
    try:
        device.check_responds(Deadline(5))
    except (HarnessError, OSError):
        return False
    return True
