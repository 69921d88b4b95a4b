"""Cuttlefish as this project uses it, against doubles of its programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.adb.server import answers
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, UsageError
from emulator.cache.root import cache_root
from emulator.host.this_machine import ThisMachine
from emulator.kinds.cuttlefish.fetch import fetch_cuttlefish
from emulator.kinds.cuttlefish.kind import KIND, open_cuttlefish
from emulator.target import parse_target
from harness.commands.devices import get
from harness.device.device import open_device
from tests.emulator.doubles import ROOT, install
from tests.emulator.doubles.cuttlefish_host_package import host_package, set_up

WITHIN = 60.0
WAITS = """
import time
from emulator.target import open_target
open_target("cuttlefish:3")
print("started", flush=True)
time.sleep(600)
"""
LAUNCHED_BY = {"cvd": "cvd", "bundled": "bin/cvd", "launch_cvd": "bin/launch_cvd"}


@pytest.fixture
def state(cuttlefish_ports: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:  # noqa: ARG001
    """The directory of the double of cvd, and an environment for it without anything of this machine's."""
    for name in ("ANDROID_HOST_OUT", "ANDROID_SOONG_HOST_OUT", "ANDROID_PRODUCT_OUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUTTLEFISH_DOUBLE_ENDS_WITH", str(os.getpid()))
    monkeypatch.setenv("CUTTLEFISH_DOUBLE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(params=list(LAUNCHED_BY))
def way(request: pytest.FixtureRequest, state: Path) -> str:
    """One of the ways in which Cuttlefish is installed."""
    set_up(request.param, state.parent / "home", state.parent / "programs")
    return str(request.param)


@pytest.fixture
def users(way: str, state: Path) -> Path:
    """The configuration of a device of the user's own, in their home."""
    assert way
    configuration = state.parent / "home" / ".cuttlefish_config.json"
    configuration.write_text('{"instances": [9]}')
    return configuration


def test_an_instance_runs_restarts_and_ends(users: Path, state: Path) -> None:
    with open_device("cuttlefish") as device:
        assert device.serial.endswith(":6520")
        assert device.controller.disposable
        assert device.facts.free_binder_device
        before = device.shell("cat /proc/sys/kernel/random/boot_id")
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("cat /proc/sys/kernel/random/boot_id") != before
    assert not device.alive
    assert not answers(6520)
    assert users.read_text() == '{"instances": [9]}'
    assert not list(state.glob("*"))  # cvd keeps no record of it
    assert not left_homes()


@pytest.mark.usefixtures("way")
def test_two_run_side_by_side() -> None:
    with contextlib.ExitStack() as stack:
        for target, port in (("cuttlefish", ":6520"), ("cuttlefish:5", ":6524")):
            device = open_cuttlefish(parse_target(target))
            stack.callback(device.close)
            assert device.serial.endswith(port)
        with pytest.raises(SetupError, match="instance 5 runs already"):
            open_cuttlefish(parse_target("cuttlefish:5"))


def test_a_boot_that_fails_is_shown_with_its_logs_and_ends_nothing_else(way: str, state: Path) -> None:
    with contextlib.closing(open_cuttlefish(parse_target("cuttlefish"))) as other:
        with pytest.raises(DeviceLostError, match=rf"`\S*{LAUNCHED_BY[way]} .* failed with status") as lost:
            open_cuttlefish(parse_target("cuttlefish:13"))
        assert other.alive
    message = str(lost.value)
    assert "launcher.log, which reports VIRTUAL_DEVICE_BOOT_FAILED" in message
    kept = Path(message.rpartition("All its logs: ")[2])
    assert "BOOT_FAILED" in (kept / "launcher.log").read_text()
    shutil.rmtree(kept)
    assert not list(state.glob("*"))
    assert not left_homes()


@pytest.mark.usefixtures("way")
def test_a_run_that_is_killed_leaves_no_instance() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, cwd=ROOT) as run:
        assert run.stdout is not None
        run.stdout.readline()
        assert answers(6522)
        run.send_signal(signal.SIGKILL)
    Deadline(WITHIN).poll(lambda: not answers(6522), "the instance to end")
    Deadline(WITHIN).poll(lambda: not left_homes(), "its home to go")


def left_homes() -> list[Path]:
    return list(Path("/var/tmp").glob("binder-harness-*"))


def test_it_is_offered_where_it_can_be_started(
    way: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (offer,) = KIND.offers(ThisMachine())
    assert offer.usable
    assert f"{LAUNCHED_BY[way]}, with the images in {state.parent / 'home'}" in offer.detail
    monkeypatch.setenv("HOME", str(state.parent))
    (offer,) = KIND.offers(ThisMachine())
    assert not offer.usable
    with pytest.raises(
        SetupError, match=r"not in: .*, the current directory\. Name their directory, .*get cuttlefish"
    ):
        open_cuttlefish(parse_target("cuttlefish"))


def test_directories_in_the_target_are_used(state: Path) -> None:
    set_up("cvd", state.parent / "home", state.parent / "programs")
    tools = host_package(state.parent / "tools", of_2026=True)
    images = host_package(state.parent / "images", of_2026=True)
    target = parse_target(f"cuttlefish?host_path={tools}&product_path={images}")
    with contextlib.closing(open_cuttlefish(target)):
        (record,) = state.glob("*/group.json")
        assert f'"host_path": "{tools}", "product_path": "{images}"' in record.read_text()


def test_a_user_without_the_groups_learns_what_to_do(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up("cvd", state.parent / "home", state.parent / "programs")
    monkeypatch.setenv("CUTTLEFISH_DOUBLE_GROUPS", "users kvm")
    with pytest.raises(DeviceLostError, match=r"status 255(.|\n)*Host configuration requirements not met"):
        open_cuttlefish(parse_target("cuttlefish"))


@pytest.mark.parametrize("number", ["0", "one", "1000"])
def test_what_is_no_instance_number_is_refused(number: str) -> None:
    with pytest.raises(UsageError, match="from 1 to 128"):
        open_cuttlefish(parse_target(f"cuttlefish:{number}"))


def test_a_build_is_fetched_and_runs(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(state.parent / "programs" / "cvd", "cuttlefish_cvd")
    fetched = state.parent / "fetched"
    get.cuttlefish(directory=str(fetched))
    target = capsys.readouterr().out.strip()
    assert target == f"cuttlefish?host_path={fetched}"
    assert "aosp-android-latest-release/aosp_cf_" in (fetched / "fetch.log").read_text()
    with contextlib.closing(open_cuttlefish(parse_target(target))) as device:
        assert device.alive


def test_a_build_that_there_is_not_is_reported_in_cvds_words(state: Path) -> None:
    install(state.parent / "programs" / "cvd", "cuttlefish_cvd")
    with pytest.raises(SetupError, match=r"status 255:(.|\n)*Unable to find build for 'no-such-branch/x'"):
        fetch_cuttlefish(ThisMachine(), "no-such-branch/x", str(state.parent / "fetched"))
