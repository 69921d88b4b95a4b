"""A real OpenSSH server on loopback for one test, whose logins have a home directory of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.adb.server import answers
from emulator.base.deadline import Deadline
from emulator.cache.root import cache_root

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
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
SetEnv HOME={home}
ForceCommand {directory}/login-shell
"""
# Client and server are one machine and one user, so the server's logins need a home of their own: at once, as
# sshd's bash reads ~/.bashrc before any command.
LOGIN_SHELL = """#!/bin/sh
cd {home}
case $SSH_ORIGINAL_COMMAND in
    internal-sftp) exec /usr/lib/openssh/sftp-server -d {home} ;;
    *) exec sh -c "$SSH_ORIGINAL_COMMAND" ;;
esac
"""


@dataclass
class SshServer:
    """A running sshd, and the home directories of the client and of its logins."""

    process: subprocess.Popen[bytes]
    port: int
    client_home: Path
    home: Path

    @property
    def address(self) -> str:
        return f"ssh://127.0.0.1:{self.port}"

    @property
    def ours(self) -> Path:
        """The directory there that is ours."""
        return self.home / ".cache" / "binder-harness"

    def running(self, command: str = "qemu-system") -> list[int]:
        """The pids of the processes of logins whose command begins like this."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_text(errors="replace")
                place = (process / "cwd").readlink()
                if words.replace("\0", " ").startswith(command) and place == self.home:
                    found.append(int(process.name))
        return found

    def left_over(self) -> list[Path]:
        """The directories of runs that are still there."""
        return [*self.ours.glob("run-*"), *self.ours.glob("avds/*")]

    def sessions(self) -> list[int]:
        """The pids of the processes in which sshd serves connections."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
            timeout=WITHIN,
        )
        return [int(word) for word in found.stdout.split()]


@contextlib.contextmanager
def ssh_server(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """A server that accepts a key of the client, whose known_hosts has the server's."""
    if SSHD is None:
        pytest.skip("needs an SSH server: install openssh-server")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    client_home, home = directory / "client", directory / "server"
    (client_home / ".ssh").mkdir(parents=True, mode=0o700)
    home.mkdir()
    key = client_home / ".ssh" / "id_ed25519"
    for file in (key, directory / "host_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True, timeout=WITHIN
        )
    shutil.copy(key.with_suffix(".pub"), directory / "authorized_keys")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (directory / "sshd_config").write_text(CONFIGURATION.format(port=port, directory=directory, home=home))
    (directory / "login-shell").write_text(LOGIN_SHELL.format(home=home))
    (directory / "login-shell").chmod(0o755)
    kind, public, *_ = (directory / "host_key.pub").read_text().split()
    (client_home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {public}\n")
    # The adb server that runs has the key of this user's home.
    (client_home / ".android").symlink_to(Path.home() / ".android")
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(cache_root()))
    monkeypatch.setenv("HOME", str(client_home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with (directory / "sshd.log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", directory / "sshd_config"], stderr=log)
    try:
        Deadline(WITHIN).poll(lambda: answers(port), "sshd")
        yield SshServer(process, port, client_home, home)
    finally:
        process.kill()
        process.wait()
