"""From nothing to an AVD, with doubles of the SDK's tools; the emulator behind them is a double, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.base.errors import SetupError, UsageError
from emulator.cache.root import cache_root
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.avd import find_avd
from emulator.kinds.sdk.install import TOOLS, AvdRequest, find_tools
from tests.emulator.doubles import ROOT, install, sdk_disks

WITHIN = 300.0
NAME = "binder_harness_35_x86_64"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The home of a user whose SDK holds nothing but its command line tools."""
    for tool in ("sdkmanager", "avdmanager"):
        install(tmp_path / "sdk" / TOOLS / tool, "sdk_tools", tool)
    monkeypatch.delenv("ANDROID_AVD_HOME", raising=False)
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def get_avd(*words: str, answer: str) -> subprocess.CompletedProcess[str]:
    """The command, whose user answers sdkmanager."""
    program = "from harness.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "get", "avd", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=answer,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


@pytest.mark.usefixtures("home")
def test_one_command_leads_to_a_booted_avd_and_its_target() -> None:
    first = get_avd(answer="y\n")
    assert (first.returncode, first.stderr.count("a download of 1 to 2 GB")) == (0, 1), first.stderr
    assert "Terms and Conditions" in first.stdout
    assert f"verify --target avd:{NAME}" in first.stderr
    assert first.stdout.endswith(f"avd:{NAME}\n")
    avd = find_avd(ThisMachine(), NAME)
    assert avd.booted
    assert sdk_disks.marks(Path(avd.directory) / sdk_disks.DISK) == ["written"]
    second = get_avd(answer="")
    assert second.returncode == 0
    assert "Terms and Conditions" not in second.stdout
    assert sdk_disks.marks(Path(avd.directory) / sdk_disks.DISK) == ["written"], "it is booted once"


@pytest.mark.usefixtures("home")
def test_a_licence_that_is_declined_ends_it() -> None:
    declined = get_avd(answer="n\n")
    assert declined.returncode == 4
    assert (
        "did not install platform-tools, emulator, system-images;android-35;google_apis;x86_64"
        in declined.stderr
    )
    assert "licence was not accepted" in declined.stderr


@pytest.mark.usefixtures("home")
def test_a_package_that_does_not_exist_ends_it_though_sdkmanager_succeeds() -> None:
    unknown = get_avd("--api", "99", answer="y\n")
    assert unknown.returncode == 4
    assert "ended with status 0 and did not install" in unknown.stderr


def test_without_the_tools_the_error_shows_how_to_have_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ANDROID_SDK_ROOT", raising=False)
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        SetupError, match=r"sdkmanager is missing.*cmdline-tools/latest.*Java.*export ANDROID_HOME"
    ):
        find_tools()


def test_the_sdk_is_the_one_that_the_tools_are_in(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.delenv("ANDROID_HOME")
    monkeypatch.delenv("ANDROID_SDK_ROOT", raising=False)
    monkeypatch.setenv("PATH", f"{home / 'sdk' / TOOLS}{os.pathsep}{os.environ['PATH']}")
    assert find_tools().sdk == home / "sdk"


def test_images_that_can_be_rooted_are_asked_for() -> None:
    assert AvdRequest(35, "x86_64", False).image == "system-images;android-35;google_apis;x86_64"
    small = AvdRequest(36, "arm64-v8a", True)
    assert small.image == "system-images;android-36;google_apis_ps16k;arm64-v8a"
    assert small.name == "binder_harness_36_arm64-v8a_16k"
    with pytest.raises(UsageError, match="from API 35 on, not for 34"):
        AvdRequest(34, "x86_64", True)
