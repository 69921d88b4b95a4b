"""Devices on another machine: a real OpenSSH server on loopback stands for it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError, UsageError
from emulator.embedded.device import hardware_of, image_of
from emulator.embedded.qemu.machine_factory import machine_factory
from emulator.embedded.qemu.running_machine import READY
from emulator.host.ssh_host import SshHost
from emulator.host.this_machine import ThisMachine
from emulator.target import open_target, parse_target
from harness.device.device import open_device
from tests.emulator.doubles import ROOT
from tests.emulator.ssh_server import WITHIN, SshServer
from tests.emulator.test_image import described

WAITS = """
import sys, time
from emulator.target import open_target
device = open_target(sys.argv[1])
print("started", flush=True)
time.sleep(600)
"""


def test_a_host_is_asked(server: SshServer) -> None:
    with SshHost(server.address) as host:
        assert host.shell("echo $((6 * 7)); pwd") == f"42\n{server.home}\n"
        with pytest.raises(SetupError, match="failed with status 3: why"):
            host.shell("echo why >&2; exit 3")


def test_a_file_is_put_once_and_whole(server: SshServer, tmp_path: Path) -> None:
    content = os.urandom(300_001)
    (tmp_path / "one").write_bytes(content)
    (tmp_path / "two").write_bytes(content)
    with SshHost(server.address) as host:
        there = host.put(tmp_path / "one")
        assert there.parent == server.ours / "files"
        written = there.stat().st_ino
        assert host.put(tmp_path / "two") == there
    assert there.read_bytes() == content
    assert there.stat().st_ino == written
    assert [file.name for file in there.parent.iterdir()] == [there.name]
    for directory in (there.parent, server.ours):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_files_that_nobody_used_for_long_go(server: SshServer, tmp_path: Path) -> None:
    with SshHost(server.address) as host:
        kept = []
        for name in ("unused", "used"):
            (tmp_path / name).write_text(name)
            kept.append(host.put(tmp_path / name))
            os.utime(kept[-1], (0, 0))
        host.put(tmp_path / "used")
    assert [file.exists() for file in kept] == [False, True]


def test_programs_are_found_as_after_logging_in(server: SshServer) -> None:
    (server.home / ".profile").write_text(
        "echo Welcome back; export ANDROID_HOME='/opt/sdk of mine' PATH=/opt/bin:$PATH"
    )
    with SshHost(server.address) as host:
        assert host.variable("ANDROID_HOME") == "/opt/sdk of mine"
        assert host.variable("NOT_SET") == ""
        assert host.find("sh") in ("/bin/sh", "/usr/bin/sh")
        assert host.find("no-such-program") is None
        output = host.run(["sh", "-c", "echo $ANDROID_HOME $PATH"], deadline=Deadline(WITHIN)).output
        assert output.startswith("/opt/sdk of mine /opt/bin:")


def test_no_command_line_there_shows_the_login_s_environment(server: SshServer) -> None:
    (server.home / ".profile").write_text("export ANDROID_KEYSTORE_PASSWORD='two words'")
    shows_all = ["sh", "-c", "cat /proc/[0-9]*/cmdline 2> /dev/null; echo; echo $ANDROID_KEYSTORE_PASSWORD"]
    with SshHost(server.address) as host:
        output = host.run(shows_all, deadline=Deadline(WITHIN)).output
    command_lines, password = output.splitlines()[:-1], output.splitlines()[-1]
    assert password == "two words"
    assert "KEYSTORE_PASSWORD=" not in "".join(command_lines)


def test_the_output_of_a_login_need_not_be_utf_8(server: SshServer) -> None:
    (server.home / ".profile").write_bytes(
        "echo Grüße; export CVD_OF='Jürgen'; export PATH=/opt/bin:$PATH".encode("latin-1")
    )
    with SshHost(server.address) as host:
        assert os.fsencode(host.variable("CVD_OF")) == "Jürgen".encode("latin-1")
        ended = host.run(["sh", "-c", 'printf %s "$CVD_OF" | od -An -tx1'], deadline=Deadline(WITHIN))
        assert bytes.fromhex(ended.output) == "Jürgen".encode("latin-1")
        with pytest.raises(SetupError, match="failed with status 3: Gr\N{REPLACEMENT CHARACTER}"):
            host.shell("printf 'Gr\\374' >&2; exit 3")


def test_a_host_that_stops_answering_is_noticed_in_time(
    server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SshHost(server.address) as host:
        assert host.directory
        monkeypatch.setattr("emulator.host.ssh_connection.ANSWERS_WITHIN", 1.0)
        monkeypatch.setattr("emulator.host.watched_command.ENDS_WITHIN", 1.0)
        with pytest.raises(SetupError, match="not within 1 s"):
            host.shell("while echo more; do sleep 0.1; done")
        (session,) = server.sessions()
        try:
            with pytest.raises(SetupError, match="stopped answering during"):
                host.run(["sh", "-c", f"kill -STOP {session}; sleep 63"], deadline=Deadline(2.0))
            with pytest.raises(SetupError, match="No command can be started"):
                host.shell("true")
        finally:
            os.kill(session, signal.SIGCONT)
    Deadline(WITHIN).poll(lambda: not server.left_over(), "what ran there to end")


def test_a_command_is_awaited_but_not_what_it_leaves_running(server: SshServer) -> None:
    with SshHost(server.address) as host:
        ended = host.run(
            ["sh", "-c", "echo out; echo error >&2; setsid sleep 60 & exit 7"], deadline=Deadline(WITHIN)
        )
        assert (ended.status, ended.output, ended.errors) == (7, "out\n", "error\n")
        late = host.run(["sh", "-c", "echo so far; sleep 61"], deadline=Deadline(1.0))
        assert (late.status, late.output) == (None, "so far\n")
        assert not server.running("sleep 61")
    for process in server.running("sleep 60"):
        os.kill(process, signal.SIGKILL)
    assert not server.left_over()


def test_a_lock_there_keeps_other_runs_out(server: SshServer) -> None:
    def lock_file(name: str) -> str:
        return str(server.home / name)

    here = ThisMachine(lock_file)
    with (
        SshHost(server.address, lock_file=lock_file) as one,
        SshHost(server.address, lock_file=lock_file) as two,
    ):
        with one.lock("console-port-5554"):
            with (
                pytest.raises(HarnessError, match="Another run has console-port-5554"),
                two.lock("console-port-5554"),
            ):
                pass
            with pytest.raises(HarnessError, match="Another run"), here.lock("console-port-5554"):
                pass
            with two.lock("console-port-5556"):
                pass
        with two.lock("console-port-5554"):
            pass
        with (
            here.lock("console-port-5554"),
            pytest.raises(HarnessError, match="Another run has"),
            one.lock("console-port-5554"),
        ):
            pass
        (server.home / "broken").symlink_to(server.home / "absent")
        with pytest.raises(SetupError, match=r"broken on ssh://.* cannot be locked"), one.lock("broken"):
            pass


def test_a_port_there_is_reached_from_here(server: SshServer) -> None:
    with SshHost(server.address) as host:
        assert host.answers(server.port)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            free = taken.getsockname()[1]
        assert not host.answers(free)
        with host.forward(server.port) as here, socket.create_connection(("127.0.0.1", here), WITHIN) as far:
            assert far.recv(4) == b"SSH-"
        with host.forward(free) as here, socket.create_connection(("127.0.0.1", here), WITHIN) as refused:
            assert refused.recv(4) == b""


@pytest.mark.parametrize("ending", ["on request", "this side", "the connection"])
def test_a_cleanup_command_is_run_there(server: SshServer, ending: str) -> None:
    done = server.home / "done"
    with SshHost(server.address) as host:
        cleanup = host.cleanup_command(["touch", str(done)])
        assert not done.exists()
        if ending == "on request":
            assert cleanup.execute(Deadline(WITHIN)) == 0
        elif ending == "this side":
            host.close()
        else:
            for process in server.sessions():
                os.kill(process, signal.SIGKILL)
        Deadline(WITHIN).poll(done.exists, "the command to run")


@pytest.mark.usefixtures("images_there")
def test_a_device_there_is_used_from_here(server: SshServer) -> None:
    with open_device(f"embedded?host={server.address}") as device:
        assert device.facts.free_binder_device == "/dev/vndbinder"
        assert len(server.running()) == 1
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("getprop ro.product.device") == "embedded"
    assert not server.running()
    assert not server.left_over()


@pytest.mark.usefixtures("images_there")
def test_a_device_that_a_file_describes_runs_there(server: SshServer, tmp_path: Path) -> None:
    target = described(tmp_path, lines=f'ready_line = "{READY}"\nready_property = "sys.boot_completed=1"')
    with open_device(f"{target}?host={server.address}") as device:
        assert len(server.running()) == 1
        assert device.shell("getprop ro.product.device") == "embedded"
    assert not server.running()
    assert not server.left_over()


def test_a_host_without_qemu_is_an_error(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SshHost, "find", lambda *_: None)
    with pytest.raises(
        SetupError, match=r"has no qemu-system-x86_64\. Install Debian's qemu-system-x86 there"
    ):
        open_target(f"embedded?host={server.address}")


@pytest.mark.usefixtures("images_there")
def test_nothing_runs_on_there_where_its_port_here_is_taken(server: SshServer) -> None:
    with contextlib.ExitStack() as resources, socket.create_server(("127.0.0.1", 0)) as taken:
        hardware = hardware_of(parse_target("embedded"), image_of(parse_target("embedded")))
        boot = machine_factory(server.address, hardware, resources)
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {port} of 127.0.0.1 cannot be listened on"):
            boot(port)
        assert not server.running()
        assert not server.left_over()


@pytest.mark.usefixtures("images_there")
def test_what_qemu_writes_there_is_shown(server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"not a qcow2")
    target = described(tmp_path, lines='[[disk]]\nfile = "disk"\nformat = "qcow2"')
    with pytest.raises(SetupError, match=r"QEMU did not start: .*not in qcow2 format"):
        open_target(f"{target}?host={server.address}")
    assert not server.left_over()


@pytest.mark.usefixtures("images_there")
def test_claims_are_judged_there(server: SshServer) -> None:
    ours = Path(sys.executable).with_name("binder-harness")
    judged = subprocess.run(
        [ours, "verify", "node.misc", "--host", server.address],
        capture_output=True,
        text=True,
        timeout=2 * WITHIN,
        check=True,
    )
    assert "node.misc" in judged.stdout
    assert "all as expected" in judged.stdout
    assert not server.running()


@pytest.mark.usefixtures("images_there")
def test_a_panic_there_is_seen_here(server: SshServer) -> None:
    device = open_target(f"embedded?host={server.address}")
    with contextlib.closing(device), open_device(f"adb:{device.serial}") as asked:
        with contextlib.suppress(Exception):
            asked.run("echo c > /proc/sysrq-trigger", deadline=Deadline(5.0))
        Deadline(WITHIN).poll(lambda: not device.alive, "the panic")
        assert "panicked" in device.loss_reason()
    assert not server.running()


@pytest.mark.parametrize("broken", ["this side", "the connection"])
@pytest.mark.usefixtures("images_there")
def test_what_runs_there_ends_when_this_side_or_the_connection_does(server: SshServer, broken: str) -> None:
    program = [sys.executable, "-c", WAITS, f"embedded?host={server.address}"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) as run:
        try:
            assert run.stdout is not None
            run.stdout.readline()
            assert len(server.running()) == 1
            for process in [run.pid] if broken == "this side" else server.sessions():
                os.kill(process, signal.SIGKILL)
            Deadline(WITHIN).poll(lambda: not server.running(), "the machine there to end")
        finally:
            run.kill()
    Deadline(WITHIN).poll(lambda: not server.left_over(), "its directory to go")


@pytest.mark.usefixtures("images_there")
def test_silence_ends_what_runs_there(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.host.ssh_connection.HEARTBEAT_SECONDS", 1.0)
    monkeypatch.setattr("emulator.host.watched_command.SILENCE_SECONDS", 12)
    device = open_target(f"embedded?host={server.address}")
    with contextlib.closing(device):
        assert device.alive
        # Only now, however long it took to boot.
        monkeypatch.setattr("emulator.host.ssh_connection.HEARTBEAT_SECONDS", 1000.0)
        Deadline(WITHIN).poll(lambda: not device.alive, "the end of the machine there")
        assert not server.running()


def test_an_unknown_key_is_refused_with_the_line_to_add(server: SshServer) -> None:
    known = server.client_home / ".ssh" / "known_hosts"
    line = known.read_text()
    known.unlink()
    with pytest.raises(SetupError, match=r"is not in ~/\.ssh/known_hosts") as refused:
        SshHost(server.address)
    assert str(refused.value).splitlines()[-1] == line.strip()
    known.write_text(str(refused.value).splitlines()[-1] + "\n")
    SshHost(server.address).close()


def test_another_key_than_in_known_hosts_is_refused(server: SshServer) -> None:
    known = server.client_home / ".ssh" / "known_hosts"
    other = (server.client_home / ".ssh" / "id_ed25519.pub").read_text().split()[1]
    kind = known.read_text().split()[1]
    known.write_text(f"[127.0.0.1]:{server.port} {kind} {other}\n")
    with pytest.raises(SetupError, match="has another key than"):
        SshHost(server.address)


def test_a_host_that_accepts_none_of_our_keys_is_an_error(server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "authorized_keys").write_text("")
    remedy = f"`ssh-copy-id -p {server.port} {{}}127.0.0.1`"
    with pytest.raises(SetupError, match="accepts none of your keys") as refused:
        SshHost(server.address)
    assert remedy.format("") in str(refused.value)
    with pytest.raises(SetupError, match="accepts none of your keys") as refused:
        SshHost(f"ssh://somebody@127.0.0.1:{server.port}")
    assert remedy.format("somebody@") in str(refused.value)


def test_a_key_of_the_agent_will_do(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    agent_socket = server.client_home / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", agent_socket], stdout=subprocess.DEVNULL) as agent:
        try:
            Deadline(WITHIN).poll(agent_socket.exists, "the agent")
            monkeypatch.setenv("SSH_AUTH_SOCK", str(agent_socket))
            key = server.client_home / ".ssh" / "id_ed25519"
            subprocess.run(["ssh-add", "-q", key], check=True, timeout=WITHIN)
            key.unlink()
            with SshHost(server.address) as host:
                assert host.shell("echo in") == "in\n"
        finally:
            agent.kill()
    with pytest.raises(SetupError, match="accepts none of your keys"):
        SshHost(server.address)


def test_a_host_that_is_not_there_is_an_error(server: SshServer) -> None:
    server.process.kill()
    server.process.wait()
    with pytest.raises(SetupError, match="cannot be reached"):
        SshHost(server.address)


def test_a_name_that_no_host_has_is_an_error() -> None:
    with pytest.raises(SetupError, match="cannot be reached"):
        SshHost("ssh://no-such-host.invalid")


@pytest.mark.parametrize(
    "address", ["far", "http://far", "ssh://", "ssh://far:port", "ssh://far/path", "ssh://user:word@far"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="ssh://USER@HOST"):
        parse_target(f"embedded?host={address}")
    with pytest.raises(UsageError, match="ssh://USER@HOST"):
        SshHost(address)
