"""A machine's own processes over SSH: a real OpenSSH server on this machine stands in for another one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.command import script
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError
from emulator.host.opening import open_host
from emulator.kinds.local import machine as local_machine
from emulator.kinds.local.machine import LocalMachine
from emulator.kinds.local.survey import survey
from harness.device.device import Device
from tests.emulator.ssh_server import SshServer, ssh_server
from tests.support.processes import has_ended

WITHIN = 60.0


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    with ssh_server(tmp_path, monkeypatch) as running:
        yield running


@contextlib.contextmanager
def opened(address: str) -> Iterator[Device]:
    """The machine at an address, whether it has Binder or not."""
    with contextlib.ExitStack() as resources:
        host = resources.enter_context(open_host(address))
        machine = LocalMachine(
            f"local?host={address}", host, survey(host), sudo=False, resources=resources.pop_all()
        )
        with Device(machine) as device:
            yield device


def test_agents_run_there_and_end_with_the_run(server: SshServer, tmp_path: Path) -> None:
    with opened(server.address) as device:
        assert device.serial == f"local on {server.address}"
        with device.process() as process:
            assert process.kill(signal.SIGSEGV).signal == signal.SIGSEGV
        lasting = device.process()
        assert lasting.syscall("getpid") == lasting.pid
        began = time.monotonic()
        assert not any(lasting.ended for _ in range(20))
        assert time.monotonic() - began < WITHIN / 30  # to ask is not to wait
        (tmp_path / "file").write_bytes(content := os.urandom(3_000_000))
        place = f"{device.surroundings.directory}/file"
        device.push(tmp_path / "file", place)
        device.pull(place, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content
        assert device.run("echo out; echo error >&2; exit 3").errors == "error\n"
        with pytest.raises(HarnessError, match=r"not within 0.5 s"):
            device.run("exec sleep 1000", deadline=Deadline(0.5))
        directory = Path(device.surroundings.directory)
        assert directory.is_dir()
    assert not directory.exists()
    assert has_ended(lasting.pid)


def test_the_end_of_the_connection_is_a_lost_device(server: SshServer) -> None:
    with opened(server.address) as device:
        process = device.process()
        directory = Path(device.surroundings.directory)
        for session in server.sessions():
            os.kill(session, signal.SIGKILL)
        Deadline(WITHIN).poll(lambda: not device.alive, "the loss of the machine")
        with pytest.raises(DeviceLostError, match="were ended"):
            device.raise_if_lost()
        Deadline(WITHIN).poll(lambda: has_ended(process.pid), "the end of the agent")
        Deadline(WITHIN).poll(lambda: not directory.exists(), "the end of its directory")


@pytest.mark.parametrize("kind", ["visible", "private"])
def test_the_directory_goes_although_nobody_reads_what_a_shell_reports(tmp_path: Path, kind: str) -> None:
    # A broken connection kills the process that waits, and the shell tells of its death.
    (directory := tmp_path / "run").mkdir()
    unshared = ["unshare", "--mount", "--propagation", "private"] if kind == "private" else []
    words = [*unshared, *script(local_machine.__file__, "keep.sh", str(directory), kind)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as keeper:
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        waits = int(keeper.stdout.readline())
        keeper.stderr.close()
        os.kill(waits, signal.SIGTERM)
        keeper.wait(WITHIN)
    assert not directory.exists()


KILLED = """
import sys, time
from tests.emulator.test_local_remote import opened

with opened(sys.argv[1]) as device:
    process = device.process()
    print(device.surroundings.directory, process.pid, flush=True)
    time.sleep(1000)
"""


def test_nothing_stays_there_of_a_run_that_is_killed(server: SshServer) -> None:
    run = subprocess.Popen([sys.executable, "-c", KILLED, server.address], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    with run, run.stdout:
        directory, process = run.stdout.readline().split()
        run.kill()
    Deadline(WITHIN).poll(lambda: has_ended(int(process)), "the end of the agent")
    Deadline(WITHIN).poll(lambda: not Path(directory).exists(), "the end of its directory")
