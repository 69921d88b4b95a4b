"""What `cvd status` may print and how it is read, and which programs start and stop an instance."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from emulator.base.errors import DeviceLostError, SetupError
from emulator.kinds.cuttlefish.artifacts import Artifacts
from emulator.kinds.cuttlefish.tools import Cvd, LaunchCvd, check_launcher, cvd_program
from tests.unit.emulator.kinds.host_double import Prints

ARTIFACTS = Artifacts("/tools", "/images")
BY_SELECTOR = [[{"adb_port": 1}, {"adb_port": 2}], [3], []]
"""What `cvd --instance_name=… status` prints, of more or less than one instance."""


def cvd(host: Prints, number: int | None = None) -> Cvd:
    return Cvd(host, "cvd", ARTIFACTS, "/home", number)


def of(instance: object) -> Cvd:
    return cvd(Prints(json.dumps({"group_name": "g", "start_time": "now", "instances": [instance]})))


def test_an_instance_is_found_by_its_serial_or_its_port() -> None:
    assert of({"adb_serial": "127.0.0.1:6521", "adb_port": 1}).serials() == ["127.0.0.1:6521", "0.0.0.0:6521"]
    assert of({"adb_serial": "0.0.0.0:6521"}).serials() == ["0.0.0.0:6521", "127.0.0.1:6521"]
    assert of({"adb_port": 6522}).serials() == ["127.0.0.1:6522", "0.0.0.0:6522"]
    assert of({"instance_dir": "/run/it"}).logs() == "/run/it/logs"
    assert cvd(Prints('[{"adb_port": 6522}]')).serials()[0] == "127.0.0.1:6522"


@pytest.mark.parametrize(
    "status",
    [{"adb_port": 6520}, {"instances": []}, {"instances": BY_SELECTOR[0]}, *BY_SELECTOR, "so", None],
)
def test_what_is_not_one_instance_is_shown(status: object) -> None:
    with pytest.raises(DeviceLostError) as lost:
        cvd(Prints(json.dumps(status))).serials()
    assert f"does not know the device: {json.dumps(status)}" in str(lost.value)


def test_what_is_no_json_is_shown_with_what_went_wrong() -> None:
    with pytest.raises(DeviceLostError, match=r"does not know the device: group\?\nno such group"):
        cvd(Prints("group?\n", "no such group\n")).logs()


@pytest.mark.parametrize("status", [{}, {"adb_port": None}, {"adb_port": "x"}, {"adb_serial": "nowhere"}])
def test_an_instance_without_a_port_or_directory_is_an_error(status: Mapping[str, object]) -> None:
    with pytest.raises(DeviceLostError, match="names no port for adb"):
        of(status).serials()
    with pytest.raises(DeviceLostError, match="names no directory"):
        of(status).logs()


def test_a_start_names_what_it_uses() -> None:
    command = cvd(Prints(""), 3).start
    assert command[2] == "create"
    assert {"--host_path=/tools", "--product_path=/images", "--instance_nums=3"} < set(command)
    # It is newer than all releases up to 1.55, whose launchers end for flags that they do not know.
    assert not [word for word in command if "print_group_format" in word]
    environment = LaunchCvd(Prints(""), ARTIFACTS, "/home/of/launch", 3).environment
    assert environment["HOME"] == "/home/of/launch"
    assert (environment["ANDROID_HOST_OUT"], environment["ANDROID_PRODUCT_OUT"]) == ("/tools", "/images")


def test_a_launch_is_stopped_by_old_host_tools_too(tmp_path: Path) -> None:
    """Those whose stop_cvd does not know --clear_instance_dirs."""
    stop, home = tmp_path / "bin" / "stop_cvd", tmp_path / "home"
    stop.parent.mkdir()
    home.mkdir()
    stop.write_text(f"#!/bin/sh\n[ $# = 0 ] && touch {tmp_path}/stopped\n")
    stop.chmod(0o755)
    tool = LaunchCvd(Prints(""), Artifacts(str(tmp_path), "/images"), str(home), 1)
    assert subprocess.run(tool.stop, timeout=10).returncode == 0
    assert (tmp_path / "stopped").exists()
    assert not home.exists()


@pytest.mark.parametrize(
    ("cvd_does", "status", "home_goes"),
    [
        ("exit 0", 0, True),
        ("exit 255", 0, True),  # it never made the group
        ("[ $2 = status ]", 1, False),  # it has it, and cannot stop it
    ],
)
def test_the_home_goes_with_the_group(tmp_path: Path, cvd_does: str, status: int, home_goes: bool) -> None:
    program, home = tmp_path / "cvd", tmp_path / "home"
    home.mkdir()
    program.write_text(f"#!/bin/sh\n{cvd_does}\n")
    program.chmod(0o755)
    tool = Cvd(Prints(""), str(program), ARTIFACTS, str(home), None)
    assert subprocess.run(tool.stop, timeout=10).returncode == status
    assert home.exists() is not home_goes


def test_a_cvd_is_used_that_can_create() -> None:
    new = "cvd create - Create\n  cvd create [--host_path=PATH]"
    assert cvd_program(Prints(new, programs=["cvd", "/tools/bin/cvd"]), ARTIFACTS) == "cvd"
    assert cvd_program(Prints(new, programs=["/tools/bin/cvd"]), ARTIFACTS) == "/tools/bin/cvd"
    assert cvd_program(Prints("start, stop, fleet", programs=["cvd"]), ARTIFACTS) is None
    assert cvd_program(Prints(new), ARTIFACTS) is None


def test_host_tools_without_a_launcher_are_refused() -> None:
    check_launcher(Prints("", programs=["/tools/bin/launch_cvd", "/tools/bin/stop_cvd"]), ARTIFACTS)
    with pytest.raises(SetupError, match=r"/tools/bin has no launch_cvd\. Install .*cuttlefish-base"):
        check_launcher(Prints("", programs=["/tools/bin/stop_cvd"]), ARTIFACTS)
