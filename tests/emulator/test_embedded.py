"""The embedded device as its users see it: real adb against it, and nothing left when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import adbutils
import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError
from emulator.embedded.device import EmbeddedDevice, open_embedded
from emulator.embedded.qemu.running_machine import READY
from emulator.target import parse_target
from tests.emulator import own_adb

WITHIN = 60.0


@pytest.fixture(scope="module")
def device() -> Iterator[EmbeddedDevice]:
    running = open_embedded(parse_target("embedded"))
    yield running
    running.close()


def adb(device: EmbeddedDevice, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the real adb program against the device."""
    return subprocess.run(
        [adbutils.adb_path(), "-s", device.serial, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=check,
    )


def shell(device: EmbeddedDevice, command: str) -> str:
    return adb(device, "shell", command).stdout.strip()


def process_ids(pattern: str) -> set[int]:
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False, timeout=20)
    return {int(word) for word in found.stdout.split()}


def gone(process_id: int) -> bool:
    """Whether the process has ended; one that its new parent has not collected yet counts as ended."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def devices() -> list[str]:
    command = [adbutils.adb_path(), "devices", "-l"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WITHIN)
    return listed.stdout.splitlines()


def test_qemu_is_confined(device: EmbeddedDevice) -> None:
    # proc_pid_status(5): 2 is SECCOMP_MODE_FILTER, and a program that it starts gains nothing.
    lines = Path(f"/proc/{device.machine.process_id}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")


def test_adb_lists_it_with_its_name(device: EmbeddedDevice) -> None:
    serial = device.serial
    line = next(line for line in devices() if line.startswith(serial))
    assert " device " in line
    assert "product:binder_harness" in line
    assert "device:embedded" in line


@pytest.mark.parametrize("rolled_back", [False, True])
def test_adb_lists_it_even_if_nobody_has_used_adb(rolled_back: bool) -> None:
    with contextlib.closing(open_embedded(parse_target("embedded"))) as unasked:
        if rolled_back:
            unasked.rollback(Deadline(WITHIN))
        beginning = f"127.0.0.1:{unasked.machine.adb_port} "
        found = Deadline(WITHIN).poll(
            lambda: [line for line in devices() if line.startswith(beginning) and " device " in line],
            "the device among those that adb lists",
        )
        assert len(found) == 1


def test_a_shell_command_has_its_own_status_and_streams(device: EmbeddedDevice) -> None:
    ended = adb(device, "shell", "echo out; echo error >&2; exit 7", check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "out\n", "error\n")


def test_files_go_there_and_back(device: EmbeddedDevice, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "there").write_bytes(content)
    adb(device, "push", tmp_path / "there", "/data/local/tmp/file")
    adb(device, "pull", "/data/local/tmp/file", tmp_path / "back")
    shell(device, "rm /data/local/tmp/file")
    assert (tmp_path / "back").read_bytes() == content


def test_properties_are_the_same_for_adb_and_for_the_shell(device: EmbeddedDevice) -> None:
    assert shell(device, "getprop ro.product.device") == "embedded"
    assert "[ro.product.device]: [embedded]" in shell(device, "getprop")
    assert shell(device, "getprop no.such.property; echo end") == "end" or shell(
        device, "getprop no.such.property fallback"
    ) == ("fallback")


def test_binder_and_what_shows_it_are_there(device: EmbeddedDevice) -> None:
    assert shell(device, "ls /dev/binder /dev/hwbinder /dev/vndbinder").split() == [
        "/dev/binder",
        "/dev/hwbinder",
        "/dev/vndbinder",
    ]
    assert "state" in shell(device, "ls /sys/kernel/debug/binder").split()
    assert "binder" in shell(device, "ls /sys/kernel/tracing/events").split()


def test_its_port_is_bound_on_this_machine_only(device: EmbeddedDevice) -> None:
    port = device.machine.adb_port
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_forwarding_reaches_a_server_on_it(device: EmbeddedDevice) -> None:
    with subprocess.Popen(
        [adbutils.adb_path(), "-s", device.serial, "shell", "echo hello | nc -l -p 7777"],
        stdin=subprocess.DEVNULL,
    ) as server:
        port = int(adb(device, "forward", "tcp:0", "tcp:7777").stdout)
        try:

            def answer() -> bytes:
                import socket

                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    connection.settimeout(5)
                    return connection.recv(100)

            assert Deadline(WITHIN).poll(answer, "the forwarded server") == b"hello\n"
        finally:
            adb(device, "forward", "--remove", f"tcp:{port}")
            server.kill()


def test_it_is_root_until_adb_unroot(device: EmbeddedDevice) -> None:
    assert shell(device, "id -u") == "0"
    adb(device, "unroot")
    device.wait_until_ready(Deadline(WITHIN))
    assert shell(device, "id -u") == "2000"
    adb(device, "root")
    device.wait_until_ready(Deadline(WITHIN))
    assert shell(device, "id -u") == "0"


def test_it_comes_back_after_a_reboot(device: EmbeddedDevice) -> None:
    before = shell(device, "cat /proc/sys/kernel/random/boot_id")
    since = device.machine.console.position
    adb(device, "reboot")
    device.machine.console.wait_for(READY, since=since, deadline=Deadline(WITHIN))
    device.reconnect(Deadline(WITHIN))
    after = shell(device, "cat /proc/sys/kernel/random/boot_id")
    device.restart(Deadline(WITHIN))
    assert device.machine.monitor.guest_resets() == 0, "its firmware did not start over"
    assert len({before, after, shell(device, "cat /proc/sys/kernel/random/boot_id")}) == 3


def test_poweroff_ends_all_programs_first() -> None:
    with contextlib.closing(open_embedded(parse_target("embedded"))) as device:
        script = (
            "trap 'echo terminated > /dev/console; exit' TERM; touch /tmp/set; while :; do sleep 0.02; done"
        )
        shell(device, f'sh -c "{script}" < /dev/null > /dev/null 2>&1 &')
        adb(device, "shell", "until [ -e /tmp/set ]; do sleep 0.02; done; busybox poweroff", check=False)
        Deadline(WITHIN).poll(lambda: not device.alive, "QEMU to end")
        assert "terminated" in device.machine.console.tail()


def test_two_run_side_by_side(device: EmbeddedDevice) -> None:
    second = open_embedded(parse_target("embedded?processors=1"))
    try:
        assert second.serial != device.serial
        shell(second, "echo second > /tmp/name")
        shell(device, "echo first > /tmp/name")
        assert (shell(device, "cat /tmp/name"), shell(second, "cat /tmp/name")) == ("first", "second")
        assert shell(second, "nproc") == "1"
    finally:
        second.close()
    assert not second.alive
    assert gone(second.machine.process_id)
    assert shell(device, "cat /tmp/name") == "first"


def test_a_panic_is_seen_at_once_and_shown() -> None:
    device = open_embedded(parse_target("embedded"))
    try:
        adb(device, "shell", "echo c > /proc/sysrq-trigger", check=False)
        Deadline(WITHIN).poll(lambda: not device.alive, "the panic")
        assert "panicked" in device.loss_reason()
        assert "sysrq" in device.loss_reason()
        with pytest.raises(DeviceLostError, match="panicked"):
            device.wait_until_ready(Deadline(WITHIN))
    finally:
        device.close()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_leaves_nothing_behind(ending: signal.Signals, tmp_path: Path) -> None:
    # An adb server of its own, so that its end can be seen too.
    environment = {**own_adb.environment(5600), "TMPDIR": str(tmp_path)}
    port = environment["ANDROID_ADB_SERVER_PORT"]
    program = """
import time
from emulator.target import open_target
device = open_target("embedded")
print(device.machine.process_id, device.serial, flush=True)
time.sleep(600)
"""
    with (
        subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
        ) as run,
        contextlib.ExitStack() as in_any_case,
    ):
        in_any_case.callback(run.kill)
        assert run.stdout is not None
        machine = int(run.stdout.readline().split()[0])
        servers = process_ids(f"adb -P {port} nodaemon")
        assert servers
        run.send_signal(ending)
        run.wait(WITHIN)
    Deadline(WITHIN).poll(lambda: gone(machine), "QEMU to end")
    Deadline(WITHIN).poll(lambda: all(gone(server) for server in servers), "the adb server to end")
    assert not {process for process in process_ids(f"adb -P {port}|{tmp_path}") if not gone(process)}


@pytest.mark.parametrize("attached", [False, True], ids=["its own", "another's"])
def test_an_adb_server_that_another_program_ended_is_done_without(attached: bool, tmp_path: Path) -> None:
    environment = own_adb.environment(5700)
    program = f"""
import subprocess
from pathlib import Path
import adbutils
from harness import open_device
def end_server():
    subprocess.run([adbutils.adb_path(), "kill-server"], check=True)
with (
    open_device("embedded") as made,
    open_device(f"adb:{{made.serial}}" if {attached} else "embedded") as device,
):
    assert made.serial  # from now on adb reaches it
    end_server()
    print(device.shell("echo still here"))
    local, there = Path("file"), "/data/local/tmp/file"
    local.write_text("there and back")
    end_server()
    device.push(local, there)
    end_server()
    device.pull(there, Path("back"))
    print(Path("back").read_text())
    assert not device.reach_again()
    end_server()
    assert device.reach_again()
    assert made.reach_again() is not {attached}
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        cwd=tmp_path,
    )
    assert ended.stdout == "still here\nthere and back\n", ended.stderr
    assert ended.returncode == 0, ended.stderr
