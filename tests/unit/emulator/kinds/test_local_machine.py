"""The machine at hand as a device: its processes, files and mounts, and that nothing of a run stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import emulator.kinds.local.kind
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.host.this_machine import ThisMachine
from emulator.kinds.local.kind import KIND, local_check, open_local
from emulator.kinds.local.machine import DIRECTORY, LocalMachine, require_sudo
from emulator.kinds.local.survey import INITIAL_PROCESSES, Survey, obstacle, parse_survey
from emulator.target import open_target, parse_target
from harness.device.device import Device
from tests.support.processes import HAS_MEMORY, has_ended
from tests.unit.emulator.kinds.host_double import Prints

WITHIN = 20.0
AS_ROOT = pytest.param("root", marks=pytest.mark.skipif(os.getuid() != 0, reason="needs root"))
USABLE = f"release 6.12\nuser 1000\nprocesses {INITIAL_PROCESSES}\nopen /dev/binder\n"

pytestmark = pytest.mark.filterwarnings(
    "error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning"
)
"""Whatever is left open is an error."""


def found(user: str) -> Survey:
    return parse_survey(USABLE.replace("1000", "0") if user == "root" else USABLE)


@pytest.fixture(params=["user", AS_ROOT])
def user(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def device(user: str) -> Iterator[Device]:
    with contextlib.ExitStack() as resources:
        machine = LocalMachine("local", ThisMachine(), found(user), sudo=False, resources=resources.pop_all())
        with Device(machine) as opened:
            yield opened


def directory_of(device: Device) -> Path:
    return Path(device.surroundings.directory)


def test_agents_are_processes_of_the_machine(device: Device) -> None:
    with device.process() as process:
        assert process.uid == os.getuid()
        assert Path(f"/proc/{process.pid}/exe").readlink().name == "syscall_agent"
        assert device.files.read_text("/proc/self/comm") == "syscall_agent\n"


def test_the_end_of_a_process_is_seen(device: Device) -> None:
    with device.process() as process:
        assert process.kill(signal.SIGSEGV).signal == signal.SIGSEGV
    assert device.run("exit 5").status == 5
    assert device.run("kill -9 $$").status == 128 + signal.SIGKILL


def test_files_go_there_and_back(device: Device, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "there").write_bytes(content)
    place = f"{device.surroundings.directory}/a file"
    device.push(tmp_path / "there", place, mode=0o750)
    assert device.shell(["stat", "-c", "%a %s", place]) == f"750 {len(content)}"
    device.pull(place, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content


def test_a_file_that_cannot_be_put_or_read_is_an_error_with_its_reason(
    device: Device, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(
        HarnessError, match=r"could not be put at /proc/no/file: .*(nonexistent|No such file)"
    ):
        device.push(tmp_path / "file", "/proc/no/file")
    with pytest.raises(HarnessError, match=r"/no/file could not be read: .*No such file"):
        device.pull("/no/file", tmp_path / "back")
    with pytest.raises(HarnessError, match=r"/dev/zero could not be read: it has more than 1,000 bytes"):
        device.pull("/dev/zero", tmp_path / "back", largest=1000)


def test_a_command_that_hangs_ends_at_its_deadline(device: Device) -> None:
    with pytest.raises(HarnessError, match=r"not within 0.3 s"):
        device.run("exec sleep 1000", deadline=Deadline(0.3))


def test_nothing_stays(device: Device) -> None:
    directory = directory_of(device)
    program = device.program(["sh", "-c", "sleep 1000 > /dev/null 2>&1 & echo $!; read -r _"])
    process = device.process()
    left = int(program.resume().line(Deadline(WITHIN)) or 0)
    assert directory.is_dir()
    device.close()
    assert not directory.exists()
    assert not device.alive
    for pid in (program.pid, left, process.pid):
        assert has_ended(pid)


@pytest.mark.parametrize("group", ["", "setsid "], ids=["of the program's group", "of its own"])
def test_the_end_waits_for_a_process_that_takes_long_to_end(device: Device, group: str) -> None:
    program = device.program(["sh", "-c", f"{group}{HAS_MEMORY} 2> /dev/null & read -r _"])
    left = int(program.resume().line(Deadline(WITHIN)) or 0)
    device.close()
    assert has_ended(left)


SEARCHES = """#!/bin/sh
[ -e {pid} ] && exec {program} "$@"
{program} "$@"
env {variable} setsid sleep 1000 > /dev/null 2>&1 &
until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done
echo $! > {pid}
"""


@pytest.fixture
def before_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose programs are found before any other."""
    (directory := tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory


def test_a_process_that_starts_after_the_search_for_it_is_ended(
    before_others: Path, device: Device, user: str, tmp_path: Path
) -> None:
    name = "find" if user == "root" else "grep"
    double, pid = before_others / name, tmp_path / "pid"
    variable = f"{DIRECTORY}={device.surroundings.directory}"
    program = shutil.which(name)
    double.write_text(SEARCHES.format(pid=pid, program=program, variable=variable))
    double.chmod(0o755)
    device.close()
    assert has_ended(int(pid.read_text()))


def test_a_lost_keeper_is_a_lost_device(device: Device) -> None:
    assert device.alive
    device.raise_if_lost()
    # The process whose namespace or directory it is, as another program may end it.
    keeper = device.controller._keeper._process.pid  # type: ignore[attr-defined]
    os.killpg(keeper, signal.SIGKILL)
    Deadline(WITHIN).poll(lambda: not device.alive, "the end of the keeper")
    with pytest.raises(DeviceLostError, match=r"The run's processes on local were ended"):
        device.raise_if_lost()
    subprocess.run(["rm", "-rf", directory_of(device)], check=True)


def test_it_is_not_restarted_and_not_rolled_back(device: Device) -> None:
    with pytest.raises(UsageError, match=r"not restarted"):
        device.controller.restart(Deadline(WITHIN))
    with pytest.raises(UsageError, match=r"cannot be rolled back"):
        device.rollback()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_mounts_of_roots_runs_are_seen_by_nobody_else() -> None:
    before = Path("/proc/self/mountinfo").read_text()
    with contextlib.ExitStack() as resources:
        machine = LocalMachine(
            "local", ThisMachine(), found("root"), sudo=False, resources=resources.pop_all()
        )
        with Device(machine) as device:
            assert device.surroundings.directory in device.files.read_text("/proc/mounts")
            assert os.listdir(device.surroundings.directory) == []
            assert Path("/proc/self/mountinfo").read_text() == before
    assert Path("/proc/self/mountinfo").read_text() == before


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_roots_runs_have_copies_of_devices_that_every_user_may_open() -> None:
    # A device of the machine's stands in for one of the driver's.
    machines_own = USABLE.replace("1000", "0").replace("open /dev/binder", "closed /dev/full")
    with contextlib.ExitStack() as resources:
        machine = LocalMachine(
            "local", ThisMachine(), parse_survey(machines_own), sudo=False, resources=resources.pop_all()
        )
        with Device(machine) as device:
            (copy,) = device.surroundings.binder_devices
            assert copy == f"{device.surroundings.directory}/full"
            assert device.shell(["stat", "-c", "%a %t:%T", copy]) == "666 1:7"


KILLED = """
import contextlib, sys, time
from emulator.host.this_machine import ThisMachine
from emulator.kinds.local.machine import LocalMachine
from harness.device.device import Device
from tests.unit.emulator.kinds.test_local_machine import found

resources = contextlib.ExitStack()
device = Device(LocalMachine("local", ThisMachine(), found(sys.argv[1]), sudo=False, resources=resources))
process = device.process()
print(device.surroundings.directory, process.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("user", ["user", AS_ROOT])
def test_nothing_stays_of_a_run_that_is_killed(user: str) -> None:
    run = subprocess.Popen([sys.executable, "-c", KILLED, user], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    with run, run.stdout:
        directory, process = run.stdout.readline().split()
        assert Path(directory).is_dir()
        run.kill()
    gone: Callable[[], bool] = lambda: not Path(directory).exists()  # noqa: E731
    Deadline(WITHIN).poll(gone, f"the end of {directory}")
    Deadline(WITHIN).poll(lambda: has_ended(int(process)), "the end of the agent")


def test_without_binder_it_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = parse_survey(USABLE.replace("open /dev/binder\n", ""))
    monkeypatch.setattr(emulator.kinds.local.kind, "survey", lambda _: bare)
    with pytest.raises(
        SetupError, match=r"cannot be tried on this machine itself. There is no binder device"
    ):
        open_target("local")
    (offer,) = KIND.offers(ThisMachine())
    assert not offer.usable
    assert "no binder device" in offer.detail
    check = local_check(ThisMachine())
    assert check.ok  # nothing needs it
    assert not check.present


@pytest.mark.parametrize(
    ("release", "advice"),
    [
        ("6.8.0-31-generic", "The package linux-modules-extra-6.8.0-31-generic of Ubuntu has it."),
        ("5.15.0-1051-azure", "The package linux-modules-extra-5.15.0-1051-azure of Ubuntu has it."),
        ("6.1.0-18-amd64", "Debian's kernels have it: is this one's package"),
        (
            "6.12.117+deb12-cloud-amd64",
            "such as this one: install linux-image-amd64",
        ),
        ("6.8.4-2-pve", "Its configuration needs CONFIG_ANDROID_BINDER_IPC"),
        ("6.9.1-arch1-1", "Its configuration needs CONFIG_ANDROID_BINDER_IPC"),
        ("5.15.90.1-microsoft-standard-WSL2", "Its configuration needs CONFIG_ANDROID_BINDER_IPC"),
    ],
)
def test_whose_kernel_it_is_decides_what_helps(release: str, advice: str) -> None:
    bare = parse_survey(f"release {release}\nuser 0\nprocesses {INITIAL_PROCESSES}\n")
    assert advice in obstacle(bare, root=True)


def test_one_run_at_a_time_uses_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = ThisMachine(lambda name: str(tmp_path / name))
    monkeypatch.setattr(emulator.kinds.local.kind, "survey", lambda _: found("user"))
    monkeypatch.setattr(emulator.kinds.local.kind, "open_host", lambda _: contextlib.nullcontext(host))
    first = open_local(parse_target("local"))
    with pytest.raises(HarnessError, match=r"Another run used the target local for 0.1 s"):
        open_local(parse_target("local"), Deadline(0.1))
    first.close()
    open_local(parse_target("local")).close()


def test_sudo_that_wants_a_password_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Prints("", "sudo: a password is required")
    monkeypatch.setattr(host, "_ended", type(host._ended)(1, "", "sudo: a password is required"))
    with pytest.raises(SetupError, match=r"a password is required. Run binder-harness itself as root"):
        require_sudo(host)
