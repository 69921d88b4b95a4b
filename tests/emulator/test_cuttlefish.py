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
from emulator.cache.store import cache_root
from emulator.host.this_machine import ThisMachine
from emulator.kinds.cuttlefish import KIND, open_cuttlefish
from emulator.target import parse_target
from harness.device.device import open_device
from tests.emulator.doubles import ROOT, install

WITHIN = 60.0
WAITS = """
import time
from emulator.target import open_target
open_target("cuttlefish:3")
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture(params=[("cvd",), ("launch_cvd", "stop_cvd")], ids=["cvd", "launch_cvd"])
def tools(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Doubles on the PATH, of the new program or of the older ones; the name of the one that starts."""
    for name in request.param:
        install(tmp_path / "bin" / name, "cuttlefish_tools", name)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CUTTLEFISH_DOUBLE_ENDS_WITH", str(os.getpid()))
    return str(request.param[0])


@pytest.mark.usefixtures("tools")
def test_an_instance_runs_restarts_and_ends() -> None:
    with open_device("cuttlefish") as device:
        assert device.serial.endswith(":6520")
        assert device.controller.disposable
        assert device.facts.free_binder_device
        before = device.shell("cat /proc/sys/kernel/random/boot_id")
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("cat /proc/sys/kernel/random/boot_id") != before
    assert not device.alive
    assert not answers(6520)


@pytest.mark.usefixtures("tools")
def test_two_run_side_by_side() -> None:
    with contextlib.ExitStack() as stack:
        for target, port in (("cuttlefish", ":6520"), ("cuttlefish:5", ":6524")):
            device = open_cuttlefish(parse_target(target))
            stack.callback(device.close)
            assert device.serial.endswith(port)
        with pytest.raises(SetupError, match="instance 5 runs already"):
            open_cuttlefish(parse_target("cuttlefish:5"))


def test_a_boot_that_fails_is_shown_with_its_logs(tools: str) -> None:
    with pytest.raises(DeviceLostError, match=f"`{tools}.* failed with status 1") as lost:
        open_cuttlefish(parse_target("cuttlefish:13"))
    message = str(lost.value)
    assert "launcher.log, which reports VIRTUAL_DEVICE_BOOT_FAILED" in message
    kept = Path(message.rpartition("All its logs: ")[2])
    assert "BOOT_FAILED" in (kept / "launcher.log").read_text()
    shutil.rmtree(kept)


@pytest.mark.usefixtures("tools")
def test_a_run_that_is_killed_leaves_no_instance() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, cwd=ROOT) as run:
        assert run.stdout is not None
        run.stdout.readline()
        assert answers(6522)
        run.send_signal(signal.SIGKILL)
    Deadline(WITHIN).poll(lambda: not answers(6522), "the instance to end")


def test_it_is_offered_where_it_can_be_started(tools: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (offer,) = KIND.offers(ThisMachine())
    assert (offer.usable, offer.detail) == (True, f"started by {tools}")
    monkeypatch.setenv("PATH", "/nonexistent")
    (offer,) = KIND.offers(ThisMachine())
    assert not offer.usable
    with pytest.raises(SetupError, match="cuttlefish-base"):
        open_cuttlefish(parse_target("cuttlefish"))


@pytest.mark.parametrize("number", ["0", "one", "1000"])
def test_what_is_no_instance_number_is_refused(number: str) -> None:
    with pytest.raises(UsageError, match="from 1 to 128"):
        open_cuttlefish(parse_target(f"cuttlefish:{number}"))
