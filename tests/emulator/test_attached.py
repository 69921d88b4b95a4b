"""A device that somebody else started, here another run: attached to, asked, and left as it was."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import adbutils
import pytest

from emulator.adb.adbd import become_root, become_shell
from emulator.adb.client import AdbClient
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError
from emulator.embedded.device import EmbeddedDevice, open_embedded
from emulator.host.this_machine import ThisMachine
from emulator.kinds.attached import KIND, open_attached
from emulator.target import parse_target
from harness.device.adb_link import ATTACHED_DIRECTORY
from harness.device.device import open_device
from harness.device.facts import Need
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from tests.emulator import own_adb

WITHIN = 60.0


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedDevice]:
    device = open_embedded(parse_target("embedded"))
    yield device
    device.close()


def test_nothing_is_left_on_it(running: EmbeddedDevice) -> None:
    with open_device(f"adb:{running.serial}") as device:
        assert device.process().syscall("getpid") > 0
        assert device.shell(["ls", ATTACHED_DIRECTORY]) == "syscall_agent"
        assert not device.controller.disposable
        assert f"{ATTACHED_DIRECTORY}/syscall_agent" in AdbClient().output(running.serial, "ps")
    assert f"{ATTACHED_DIRECTORY}/syscall_agent" not in AdbClient().output(running.serial, "ps")
    assert "No such file" in AdbClient().output(running.serial, f"ls -d {ATTACHED_DIRECTORY}")
    assert running.alive


def test_it_is_rooted_only_when_allowed_and_only_for_the_run(running: EmbeddedDevice) -> None:
    become_shell(AdbClient(), running.serial, Deadline(WITHIN))
    try:
        with open_device(f"adb:{running.serial}") as device:
            assert device.process().uid == 2000
        with open_device(f"adb:{running.serial}?root=allowed") as device:
            assert device.process().uid == 0
        assert AdbClient().output(running.serial, "id -u") == "2000"
    finally:
        open_attached(parse_target(f"adb:{running.serial}?root=allowed"))
    assert AdbClient().output(running.serial, "id -u") == "0"


def test_root_sees_the_debug_files_that_are_mounted_nowhere(running: EmbeddedDevice) -> None:
    mounts = "cat /proc/mounts"
    AdbClient().output(running.serial, "umount /sys/kernel/debug")
    try:
        before = AdbClient().output(running.serial, mounts)
        assert "debugfs" not in before
        with open_device(f"adb:{running.serial}") as device:
            assert device.facts.binder_debug == "/sys/kernel/debug/binder"
            assert judge(CLAIMS.get("node.proc-record"), device).verdict is Verdict.CONFIRMED
            assert AdbClient().output(running.serial, mounts) == before
            device.check_responds(Deadline(WITHIN))
            assert device.binder.state().processes
        become_shell(AdbClient(), running.serial, Deadline(WITHIN))
        with open_device(f"adb:{running.serial}") as device:
            assert "need root" in device.facts.reasons[Need.BINDER_DEBUG]
        assert AdbClient().output(running.serial, mounts) == before
    finally:
        become_root(AdbClient(), running.serial, Deadline(WITHIN))
        AdbClient().output(running.serial, "mount -t debugfs none /sys/kernel/debug")


def test_it_is_restarted_when_allowed(running: EmbeddedDevice) -> None:
    boot = "cat /proc/sys/kernel/random/boot_id"
    before = AdbClient().output(running.serial, boot)
    attached = open_attached(parse_target(f"adb:{running.serial}?restart=allowed"))
    attached.restart(Deadline(WITHIN))
    attached.close()
    assert AdbClient().output(running.serial, boot) not in ("", before)


def test_a_claim_during_which_the_adb_server_ends_is_repeated() -> None:
    program = """
import dataclasses, subprocess
import adbutils
from emulator.base.progress import reporting_to
from harness import open_device
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.judge import judge
claim = CLAIMS.get("mmap.once")
runs = []
def measure(device):
    with device.process() as process:
        runs.append(process.pid)
        if len(runs) == 1:
            subprocess.run([adbutils.adb_path(), "kill-server"], check=True)
        process.syscall("getpid")
    return claim.measure(device)
with open_device("embedded") as made, open_device(f"adb:{made.serial}") as device:
    with reporting_to(lambda text: print(text) if "repeated" in text else None):
        result = judge(dataclasses.replace(claim, measure=measure), device)
    print(result.verdict, result.reason, len(runs), device.alive)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=own_adb.environment(5800),
        stdout=subprocess.PIPE,
        text=True,
        timeout=WITHIN,
        check=True,
    )
    repeated, verdict = ended.stdout.splitlines()
    assert repeated.endswith(" and reaches it again: mmap.once is repeated")
    assert verdict == "confirmed  2 True"


def test_its_loss_is_noticed() -> None:
    device = open_embedded(parse_target("embedded"))
    attached = open_attached(parse_target(f"adb:{device.serial}"))
    assert attached.alive
    device.close()
    Deadline(WITHIN).poll(lambda: not attached.alive, "the loss")
    assert "does not list it" in attached.loss_reason()
    attached.close()


def test_one_that_trusts_nobody_in_mid_run_is_noticed() -> None:
    with contextlib.closing(open_embedded(parse_target("embedded"))) as device:
        attached = open_attached(parse_target(f"adb:{device.serial}"))
        AdbClient().output(device.serial, "rm /adb_keys; kill $(pidof adbd)")
        adb = AdbClient()
        Deadline(WITHIN).poll(lambda: adb.state(device.serial) == "unauthorized", "adbd to ask for a key")
        assert not attached.alive
        assert "does not trust this machine's adb key" in attached.loss_reason()
        attached.close()
        offered = {offer.target: offer for offer in KIND.offers(ThisMachine())}[f"adb:{device.serial}"]
        assert not offered.usable
        assert "confirm “Allow USB debugging”" in offered.detail
        with pytest.raises(DeviceLostError, match="does not trust"):
            open_attached(parse_target(f"adb:{device.serial}"), Deadline(0.5))
        with pytest.raises(SetupError, match="does not trust"):
            open_attached(parse_target(f"adb:{device.serial}"))


def test_what_boot_prints_can_be_typed(tmp_path: Path) -> None:
    ours = Path(sys.executable).with_name("binder-harness")
    with subprocess.Popen([ours, "boot"], stdout=subprocess.PIPE, cwd=tmp_path, text=True) as boot:
        try:
            assert boot.stdout is not None
            lines = iter(boot.stdout.readline, "")
            printed = [next(lines) for _ in range(7)]
            shell, records, verify = (line.strip() for line in printed if line.startswith("  "))
            serial = re.findall(r"127\.0\.0\.1:\d+", verify)[0]
            assert printed[1] == f"The device is up until Ctrl-C: {serial}\n"
            assert typed(f"{shell} getprop ro.product.device") == "embedded\n"
            assert "state" in typed(records).split()
            assert "node.misc" in typed(f"{verify} node.misc")
            assert f"adb:{serial} " in typed(f"{ours} devices")
        finally:
            boot.send_signal(signal.SIGINT)
            boot.wait(WITHIN)
    assert boot.returncode == 128 + signal.SIGINT


def typed(line: str) -> str:
    """What a command line prints."""
    return subprocess.run(
        shlex.split(line),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=WITHIN,
        check=True,
        env={**os.environ, "PATH": f"{Path(adbutils.adb_path()).parent}{os.pathsep}{os.environ['PATH']}"},
    ).stdout
