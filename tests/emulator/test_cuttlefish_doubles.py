"""The doubles of Cuttlefish's programs behave as the sources that they cite."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.emulator.doubles import install
from tests.emulator.doubles.cuttlefish_host_package import host_package

WITHIN = 30.0
CVD_FAILED = 255
"""main() returns -1 (host/commands/cvd/main.cc)."""


class Machine:
    """A user's home, host tools and cvd, none of which boots anything here."""

    def __init__(self, directory: Path, *, of_2026: bool = True) -> None:
        self.home, self.state = directory / "home", directory / "state"
        self.home.mkdir()
        self.package = host_package(directory / "package", of_2026=of_2026)
        install(directory / "cvd", "cuttlefish_cvd")
        self._cvd = str(directory / "cvd")

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANDROID_")},
            "HOME": str(self.home),
            "CUTTLEFISH_DOUBLE_STATE": str(self.state),
            **environment,
        }
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=WITHIN)

    def cvd(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(self._cvd, *words, **environment)

    def tool(self, name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.package / "bin" / name), *words, **environment)

    def record(self, name: str, state: str, number: int) -> None:
        """A group as an earlier `cvd create` leaves it."""
        group = {
            "group_name": name,
            "home": str(self.home),
            "host_path": str(self.package),
            "product_path": str(self.package),
            "instance": number,
            "state": state,
        }
        (self.state / name).mkdir(parents=True)
        (self.state / name / "group.json").write_text(json.dumps(group))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_status_is_an_object_for_a_group_and_an_array_for_instances(machine: Machine) -> None:
    machine.record("one", "Running", 2)
    shown = json.loads(machine.cvd("--group_name=one", "status", "--print").stdout)
    assert shown["group_name"] == "one"
    assert shown["instances"][0]["adb_serial"] == "127.0.0.1:6521"
    selected = ("--group_name=one", "--instance_name=2", "status", "--print")
    assert json.loads(machine.cvd(*selected).stdout) == shown["instances"]


def test_a_group_that_is_unknown_or_not_named_is_an_error(machine: Machine) -> None:
    assert machine.cvd("status").returncode == CVD_FAILED
    machine.record("one", "Stopped", 1)
    assert "adb_port" not in machine.cvd("status", "--print").stdout  # the only one, and stopped
    machine.record("two", "Stopped", 2)
    assert "Multiple groups found" in machine.cvd("status").stderr
    assert machine.cvd("--group_name=three", "remove").returncode == CVD_FAILED


def test_create_needs_host_tools_and_a_free_name(machine: Machine) -> None:
    ended = machine.cvd("--group_name=one", "create")
    assert "Could not find the required host tools" in ended.stderr
    machine.record("one", "Stopped", 1)
    taken = machine.cvd("--group_name=one", "create", f"--host_path={machine.package}")
    assert "Group named 'one' already exists" in taken.stderr


def test_a_boot_that_fails_leaves_its_group(machine: Machine) -> None:
    paths = (f"--host_path={machine.package}", f"--product_path={machine.package}")
    ended = machine.cvd("--group_name=one", "create", *paths, "--instance_nums=13", "--daemon")
    assert (ended.returncode, ended.stdout) == (CVD_FAILED, "")
    status = json.loads(machine.cvd("--group_name=one", "status", "--print").stdout)
    (instance,) = status["instances"]
    assert instance["status"] == "Boot Failed"
    assert Path(instance["instance_dir"], "logs", "launcher.log").exists()
    assert machine.cvd("--group_name=one", "remove").returncode == 0
    assert machine.home.exists()  # of a HOME, cvd removes the link


def test_a_launcher_of_2026_reuses_a_group_of_the_users(machine: Machine) -> None:
    machine.record("users", "Stopped", 13)
    where = {"ANDROID_HOST_OUT": str(machine.package), "ANDROID_PRODUCT_OUT": str(machine.package)}
    assert machine.tool("launch_cvd", "--daemon", **where).returncode == CVD_FAILED
    assert '"state": "Boot Failed"' in (machine.state / "users" / "group.json").read_text()


def test_stop_cvd_stops_every_instance_of_its_home(machine: Machine) -> None:
    processes = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    for number, process in enumerate(processes, 1):
        directory = machine.home / "cuttlefish" / "instances" / f"cvd-{number}"
        directory.mkdir(parents=True)
        (directory / "pid").write_text(str(process.pid))
    (machine.home / ".cuttlefish_config.json").write_text('{"instances": [1, 2]}')
    ended = machine.tool("stop_cvd", "--clear_instance_dirs", CUTTLEFISH_INSTANCE="1")
    assert ended.returncode == 0
    assert all(process.wait(timeout=WITHIN) < 0 for process in processes)
    assert not list((machine.home / "cuttlefish" / "instances").iterdir())
    assert machine.tool("stop_cvd", "--all").returncode == 134
    (machine.home / ".cuttlefish_config.json").unlink()
    assert machine.tool("stop_cvd").returncode == 0


def test_an_old_cvd_has_no_create(tmp_path: Path) -> None:
    machine = Machine(tmp_path, of_2026=False)
    assert machine.tool("cvd", "help", "create").returncode == CVD_FAILED
    assert "--host_path" in machine.cvd("help", "create").stdout
