"""AVDs and Cuttlefish on another machine: doubles of their programs behind a real OpenSSH server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.adb.server import answers
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, UsageError
from emulator.target import offers, open_target
from harness.commands.devices import get
from harness.device.device import open_device
from tests.emulator.doubles import ROOT, install
from tests.emulator.doubles.cuttlefish_host_package import set_up
from tests.emulator.doubles.sdk_files import make_avd, make_sdk
from tests.emulator.ssh_server import WITHIN, SshServer
from tests.emulator.test_remote import WAITS

FIRST_CUTTLEFISH_PORT = 6520


@pytest.fixture
def emulator(server: SshServer) -> str:
    """An SDK on the far side, found by the user's profile there; how the emulator's command line begins."""
    (server.home / ".profile").write_text("export ANDROID_HOME=$HOME/sdk\n")
    for name in ("crashes", "embedded"):
        make_avd(server.home, name)
    return make_sdk(server.home / "sdk")


@pytest.fixture(params=["cvd", "launch_cvd"])
def cuttlefish(request: pytest.FixtureRequest, cuttlefish_ports: None, server: SshServer) -> str:  # noqa: ARG001
    """Cuttlefish on the far side; the name of the program that starts it."""
    (server.home / ".profile").write_text(
        f"export PATH=$HOME/programs:$PATH CUTTLEFISH_DOUBLE_ENDS_WITH={os.getpid()} "
        f"CUTTLEFISH_DOUBLE_STATE={server.home}/cvd-state\n"
    )
    set_up(request.param, server.home, server.home / "programs")
    return str(request.param)


def test_an_avd_there_is_used_from_here(server: SshServer, emulator: str) -> None:
    with open_device(f"avd:embedded?host={server.address}") as device:
        assert device.serial.startswith("127.0.0.1:")
        assert device.controller.disposable
        assert device.facts.root
        assert device.facts.free_binder_device
        assert len(server.running(emulator)) == 1
        device.shell("echo lost > /data/local/tmp/file")
        device.rollback()
        assert device.shell("ls /data/local/tmp") == ""
    assert not device.alive
    assert "ended with status 0" in device.console_tail()  # by its console, not killed
    assert not server.running(emulator)
    assert not server.left_over()


@pytest.mark.parametrize("broken", ["this side", "the connection"])
def test_an_avd_there_ends_when_this_side_or_the_connection_does(
    server: SshServer, emulator: str, broken: str
) -> None:
    program = [sys.executable, "-c", WAITS, f"avd:embedded?host={server.address}"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) as run:
        try:
            assert run.stdout is not None
            run.stdout.readline()
            assert len(server.running(emulator)) == 1
            for process in [run.pid] if broken == "this side" else server.sessions():
                os.kill(process, signal.SIGKILL)
            Deadline(WITHIN).poll(lambda: not server.running(emulator), "the emulator there to end")
        finally:
            run.kill()
    Deadline(WITHIN).poll(lambda: not server.left_over(), "its directory to go")


def test_a_connection_that_breaks_is_noticed(server: SshServer, emulator: str) -> None:
    device = open_target(f"avd:embedded?host={server.address}")
    with contextlib.closing(device):
        assert server.running(emulator)
        for process in server.sessions():
            os.kill(process, signal.SIGKILL)
        Deadline(WITHIN).poll(lambda: not device.alive, "the loss")
        assert "emulator is lost: the connection to its host broke" in device.loss_reason()


def test_what_goes_wrong_with_an_avd_there_is_shown(server: SshServer, emulator: str) -> None:
    assert emulator
    with pytest.raises(
        UsageError, match=rf"no AVD 'pixel'.*\n  avd:crashes(.|\n)*avd:embedded\?host={server.address}"
    ):
        open_target(f"avd:pixel?host={server.address}")
    with pytest.raises(DeviceLostError, match=r"ended with status 139(.|\n)*ends here, as configured"):
        open_target(f"avd:crashes?host={server.address}")
    (server.home / ".profile").unlink()
    with pytest.raises(SetupError, match=rf"PATH on {server.address}.*~/\.profile there"):
        open_target(f"avd:embedded?host={server.address}")


def test_cuttlefish_there_is_used_from_here(server: SshServer, cuttlefish: str) -> None:
    assert cuttlefish
    with open_device(f"cuttlefish?host={server.address}") as device:
        assert device.serial.startswith("127.0.0.1:")
        assert not device.serial.endswith(f":{FIRST_CUTTLEFISH_PORT}")
        before = device.shell("cat /proc/sys/kernel/random/boot_id")
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("cat /proc/sys/kernel/random/boot_id") != before
        with pytest.raises(SetupError, match="instance 1 runs already"):
            open_target(f"cuttlefish:1?host={server.address}")
    assert not answers(FIRST_CUTTLEFISH_PORT)
    assert not server.left_over()


def test_cuttlefish_there_ends_when_the_connection_does(server: SshServer, cuttlefish: str) -> None:
    device = open_target(f"cuttlefish:3?host={server.address}")
    with contextlib.closing(device):
        assert answers(FIRST_CUTTLEFISH_PORT + 2), cuttlefish
        for process in server.sessions():
            os.kill(process, signal.SIGKILL)
        Deadline(WITHIN).poll(lambda: not answers(FIRST_CUTTLEFISH_PORT + 2), "the instance to end")


def test_a_boot_that_fails_there_is_shown_with_its_logs(server: SshServer, cuttlefish: str) -> None:
    with pytest.raises(DeviceLostError, match=rf"`\S*{cuttlefish} .* failed with status (1|255)") as lost:
        open_target(f"cuttlefish:13?host={server.address}")
    message = str(lost.value)
    assert "launcher.log, which reports VIRTUAL_DEVICE_BOOT_FAILED" in message
    kept = message.rpartition(f"All its logs on {server.address}: ")[2]
    assert "BOOT_FAILED" in (Path(kept) / "launcher.log").read_text()


def test_a_build_is_fetched_there(server: SshServer, capsys: pytest.CaptureFixture[str]) -> None:
    (server.home / ".profile").write_text(
        "export PATH=$HOME/programs:$PATH CUTTLEFISH_DOUBLE_STATE=$HOME/s\n"
    )
    install(server.home / "programs" / "cvd", "cuttlefish_cvd")
    get.cuttlefish(build="aosp-main/aosp_cf_x86_64_phone-user", host=server.address)
    printed = capsys.readouterr()
    directory = server.ours / "cuttlefish-images" / "aosp-main-aosp_cf_x86_64_phone-user"
    assert printed.out.strip() == f"cuttlefish?host={server.address}&host_path={directory}"
    assert "is a user build: adb root is refused" in printed.err
    assert (directory / "super.img").exists()


def test_what_there_is_on_a_host_is_listed(server: SshServer, emulator: str) -> None:
    assert emulator
    found = {offer.target.partition("?")[0]: offer for offer in offers(server.address)}
    assert found["avd:embedded"].usable
    assert found["avd:embedded"].target == f"avd:embedded?host={server.address}"
    assert found["embedded"].usable
    assert not found["adb"].usable
    assert "used only from there" in found["adb"].detail
    assert f"host tools (bin/cvd_internal_start or bin/launch_cvd) are not on {server.address} in" in (
        found["cuttlefish"].detail
    )


def test_the_commands_ask_a_host(server: SshServer, emulator: str) -> None:
    assert emulator
    ours = Path(sys.executable).with_name("binder-harness")

    def printed(*words: str, status: int = 0) -> str:
        ended = subprocess.run(
            [ours, *words, "--host", server.address], capture_output=True, text=True, timeout=WITHIN
        )
        assert ended.returncode == status, ended.stderr
        return ended.stdout + ended.stderr

    listed = json.loads(printed("devices", "--json"))
    assert f"avd:embedded?host={server.address}" in {offer["target"] for offer in listed if offer["usable"]}
    assert f"The host {server.address}" in printed("doctor")
    server.process.kill()
    server.process.wait()
    for command in ("devices", "doctor"):
        assert "cannot be reached" in printed(command, status=4)
