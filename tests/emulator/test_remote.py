"""Devices on another machine: a real OpenSSH server, of our own and on loopback, stands at its door."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.adb_server import answers
from emulator.cache import cache_root
from emulator.deadline import Deadline
from emulator.errors import SetupError, UsageError
from emulator.host import Host
from emulator.target import open_target, parse_target
from harness.device import open_device

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
ROOT = Path(__file__).parents[2]
WITHIN = 60.0
CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
ForceCommand {directory}/far-shell
"""
# A home of its own for the far side, where the one of this user would not do: both ends are one machine.
FAR_SHELL = """#!/bin/sh
cd {far}
case $SSH_ORIGINAL_COMMAND in
    internal-sftp) exec /usr/lib/openssh/sftp-server -d {far} ;;
    *) exec sh -c "$SSH_ORIGINAL_COMMAND" ;;
esac
"""
WAITS = """
import sys, time
from emulator.target import open_target
device = open_target(sys.argv[1])
print("started", flush=True)
time.sleep(600)
"""


@dataclass
class Server:
    """A running sshd, and the home directories at both ends."""

    process: subprocess.Popen[bytes]
    port: int
    near: Path
    far: Path

    @property
    def address(self) -> str:
        return f"ssh://127.0.0.1:{self.port}"

    def machines(self) -> list[int]:
        """The pids of the QEMUs that run on the far side."""
        ours = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                name, place = (process / "comm").read_text(), (process / "cwd").readlink()
                if name.startswith("qemu-system") and place == self.far:
                    ours.append(int(process.name))
        return ours


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that takes a key of ours, and stands in our known_hosts."""
    if SSHD is None:
        pytest.skip("needs an SSH server: install openssh-server")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    near, far = tmp_path / "near", tmp_path / "far"
    (near / ".ssh").mkdir(parents=True, mode=0o700)
    far.mkdir()
    key = near / ".ssh" / "id_ed25519"
    for file in (key, tmp_path / "host_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True, timeout=WITHIN
        )
    shutil.copy(key.with_suffix(".pub"), tmp_path / "authorized_keys")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "sshd_config").write_text(CONFIGURATION.format(port=port, directory=tmp_path))
    (tmp_path / "far-shell").write_text(FAR_SHELL.format(far=far))
    (tmp_path / "far-shell").chmod(0o755)
    kind, public, *_ = (tmp_path / "host_key.pub").read_text().split()
    (near / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {public}\n")
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(near))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with (tmp_path / "sshd.log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=log)
    try:
        Deadline(WITHIN).poll(lambda: answers(port), "sshd")
        yield Server(process, port, near, far)
    finally:
        process.kill()
        process.wait()


def test_a_host_is_asked(server: Server) -> None:
    with Host(server.address) as host:
        assert host.run("echo $((6 * 7)); pwd") == f"42\n{server.far}\n"
        with pytest.raises(SetupError, match="failed with status 3: why"):
            host.run("echo why >&2; exit 3")


def test_a_file_is_put_once_and_whole(server: Server, tmp_path: Path) -> None:
    content = os.urandom(300_001)
    (tmp_path / "one").write_bytes(content)
    (tmp_path / "two").write_bytes(content)
    with Host(server.address) as host:
        there = server.far / host.put(tmp_path / "one")
        written = there.stat().st_mtime_ns
        assert server.far / host.put(tmp_path / "two") == there
    assert there.read_bytes() == content
    assert there.stat().st_mtime_ns == written
    assert [file.name for file in there.parent.iterdir()] == [there.name]
    assert there.parent.stat().st_mode & 0o777 == 0o700


def test_a_device_there_is_used_from_here(server: Server) -> None:
    with open_device(f"embedded?host={server.address}") as device:
        assert device.facts.free_binder_device == "/dev/vndbinder"
        assert len(server.machines()) == 1
        device.life_line.restart(Deadline(WITHIN))
        assert device.shell("getprop ro.product.device") == "embedded"
    assert not server.machines()
    assert not list((server.far / ".cache" / "binder-harness").glob("run-*"))


def test_claims_are_judged_there(server: Server) -> None:
    ours = Path(sys.executable).with_name("binder-harness")
    judged = subprocess.run(
        [ours, "verify", "node.misc", "--host", server.address],
        capture_output=True,
        text=True,
        timeout=2 * WITHIN,
        check=True,
    )
    assert "node.misc" in judged.stdout
    assert "all as known" in judged.stdout
    assert not server.machines()


def test_a_panic_there_is_seen_here(server: Server) -> None:
    device = open_target(f"embedded?host={server.address}")
    with contextlib.closing(device), open_device(f"adb:{device.serial}") as asked:
        with contextlib.suppress(Exception):
            asked.run("echo c > /proc/sysrq-trigger", deadline=Deadline(5.0))
        Deadline(WITHIN).poll(lambda: not device.alive, "the panic")
        assert "panicked" in device.why_lost()
    assert not server.machines()


@pytest.mark.parametrize("broken", ["this side", "the connection"])
def test_what_runs_there_ends_when_this_side_or_the_connection_does(server: Server, broken: str) -> None:
    program = [sys.executable, "-c", WAITS, f"embedded?host={server.address}"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) as run:
        try:
            assert run.stdout is not None
            run.stdout.readline()
            assert len(server.machines()) == 1
            for process in [run.pid] if broken == "this side" else sessions(server.process.pid):
                os.kill(process, signal.SIGKILL)
            Deadline(WITHIN).poll(lambda: not server.machines(), "the machine there to end")
        finally:
            run.kill()
    Deadline(WITHIN).poll(
        lambda: not list((server.far / ".cache" / "binder-harness").glob("run-*")), "its directory to go"
    )


def sessions(server: int) -> list[int]:
    """The processes in which sshd serves connections."""
    found = subprocess.run(
        ["pgrep", "-P", str(server)], capture_output=True, text=True, check=True, timeout=WITHIN
    )
    return [int(word) for word in found.stdout.split()]


def test_silence_ends_what_runs_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.remote_machine.HEARTBEAT_SECONDS", 1000.0)
    monkeypatch.setattr("emulator.remote_machine.SILENCE_SECONDS", 8)
    device = open_target(f"embedded?host={server.address}")
    with contextlib.closing(device):
        Deadline(WITHIN).poll(lambda: not device.alive, "the end of the machine there")
        assert not server.machines()


def test_an_unknown_key_is_refused_with_the_line_to_add(server: Server) -> None:
    known = server.near / ".ssh" / "known_hosts"
    line = known.read_text()
    known.unlink()
    with pytest.raises(SetupError, match=r"is not in ~/\.ssh/known_hosts") as refused:
        Host(server.address)
    assert str(refused.value).splitlines()[-1] == line.strip()
    known.write_text(str(refused.value).splitlines()[-1] + "\n")
    Host(server.address).close()


def test_another_key_than_known_is_refused(server: Server) -> None:
    known = server.near / ".ssh" / "known_hosts"
    other = (server.near / ".ssh" / "id_ed25519.pub").read_text().split()[1]
    kind = known.read_text().split()[1]
    known.write_text(f"[127.0.0.1]:{server.port} {kind} {other}\n")
    with pytest.raises(SetupError, match="has another key than"):
        Host(server.address)


def test_a_host_that_takes_none_of_our_keys_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "authorized_keys").write_text("")
    with pytest.raises(SetupError, match="takes none of our keys"):
        Host(server.address)


def test_a_host_that_is_not_there_is_told(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    with pytest.raises(SetupError, match="cannot be reached"):
        Host(server.address)


def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(SetupError, match="cannot be reached"):
        Host("ssh://no-such-host.invalid")


@pytest.mark.parametrize(
    "address", ["far", "http://far", "ssh://", "ssh://far:port", "ssh://far/path", "ssh://user:word@far"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="ssh://USER@HOST"):
        parse_target(f"embedded?host={address}")
    with pytest.raises(UsageError, match="ssh://USER@HOST"):
        Host(address)
