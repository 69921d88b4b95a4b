from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from emulator.adb import server as adb_server
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from emulator.base.lock_file import open_locked, take
from tests.support.processes import has_ended

WITHIN = 20.0
ADB = """#!/bin/sh
# $1 and $2 are -P and the port.
case "$3" in
    nodaemon) echo "$$" > "$0.server"; exec sleep 60 ;;
    devices) echo "List of devices attached"; cat "$0.devices" 2> /dev/null; touch "$0.asked" ;;
esac
"""


def test_a_server_does_not_wait_for_usb_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADB_LIBUSB", raising=False)
    monkeypatch.setattr(adb_server, "USB", tmp_path / "none")
    assert adb_server._environment()["ADB_LIBUSB"] == "0"
    monkeypatch.setattr(adb_server, "USB", tmp_path)
    assert "ADB_LIBUSB" not in adb_server._environment()


@pytest.mark.parametrize("port", ["", "adb", "-1", "65536"])
def test_what_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with pytest.raises(UsageError, match=f"ANDROID_ADB_SERVER_PORT must be a port number, not '{port}'"):
        adb_server.server_port()


@pytest.mark.parametrize(
    ("variables", "port"),
    [
        ({"ANDROID_ADB_SERVER_ADDRESS": "localhost", "ANDROID_ADB_SERVER_HOST": ""}, 5037),
        ({"ADB_SERVER_SOCKET": "tcp:5038"}, 5038),
        ({"ADB_SERVER_SOCKET": "tcp:[::1]:5039", "ANDROID_ADB_SERVER_PORT": "5040"}, 5039),
        ({"ADB_SERVER_SOCKET": "", "ANDROID_ADB_SERVER_PORT": "5040"}, 5040),
    ],
)
def test_a_server_of_this_machine_is_found_as_adb_finds_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], port: int
) -> None:
    monkeypatch.delenv("ANDROID_ADB_SERVER_PORT", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert adb_server.server_port() == port


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANDROID_ADB_SERVER_ADDRESS", "build.example.org"),
        ("ANDROID_ADB_SERVER_HOST", "192.0.2.1"),
        ("ADB_SERVER_SOCKET", "tcp:192.0.2.1:5037"),
        ("ADB_SERVER_SOCKET", "localfilesystem:/tmp/5037"),
    ],
)
def test_a_server_of_another_machine_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """It was ignored, and the one of this machine used."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=rf"{name} names an adb server .*{value}.*forward its port"):
        adb_server.server_port()


def test_the_user_s_choice_of_a_way_to_usb_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADB_LIBUSB", "1")
    monkeypatch.setattr(adb_server, "USB", tmp_path / "none")
    assert adb_server._environment()["ADB_LIBUSB"] == "1"


def fake_adb(directory: Path) -> Path:
    program = directory / "adb"
    program.write_text(ADB)
    program.chmod(0o755)
    return program


def keeper_command(adb: Path, lock: Path) -> list[str]:
    return adb_server.keeper(str(adb), 5037, str(lock))


@contextlib.contextmanager
def kept(adb: Path, lock: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A keeper, and the process id of its server."""
    started = adb.with_name("adb.server")
    with subprocess.Popen(keeper_command(adb, lock)) as keeper:
        try:
            Deadline(WITHIN).poll(
                lambda: started.exists() and started.read_text().endswith("\n"), "the server to start"
            )
            yield keeper, int(started.read_text())
        finally:
            keeper.kill()


def test_a_killed_keeper_leaves_no_server(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        open_locked(path, adb_server._wait_to_share),
        kept(fake_adb(tmp_path), path) as (keeper, server),
    ):
        assert not has_ended(server)
        keeper.kill()
        Deadline(WITHIN).poll(lambda: has_ended(server), "the end of the server")


def test_a_server_with_another_device_outlives_the_last_run(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    devices = tmp_path / "adb.devices"
    devices.write_text("phone\tdevice\n")
    with kept(fake_adb(tmp_path), path) as (keeper, server):
        Deadline(WITHIN).poll((tmp_path / "adb.asked").exists, "the keeper to ask adb for devices")
        with path.open() as lock:  # for the next run
            Deadline(WITHIN).poll(lambda: take(lock), "the keeper to release the lock")
        assert keeper.poll() is None
        assert not has_ended(server)
        # It was that of a killed run, and has taken its time to vanish.
        devices.unlink()
        assert keeper.wait(WITHIN) == 0
        assert has_ended(server)
        assert not path.exists()


def test_a_server_stays_for_those_who_share_the_successor_of_its_lock(tmp_path: Path) -> None:
    """As when another run sweeps the file between the end of one run and the start of the next."""
    adb, path, server = fake_adb(tmp_path), tmp_path / "lock", tmp_path / "adb.server"

    def share() -> int:
        file = open_locked(path, adb_server._wait_to_share)
        shared.append(file)
        return os.fstat(file.fileno()).st_ino

    def await_waiter(inode: int) -> None:
        """Until somebody waits for the lock, as proc_locks(5) shows it."""
        Deadline(WITHIN).poll(
            lambda: any(
                "->" in line and f":{inode} " in line for line in Path("/proc/locks").read_text().splitlines()
            ),
            "the keeper to wait for the lock",
        )

    shared: list[IO[str]] = []
    first = share()
    with subprocess.Popen(keeper_command(adb, path)) as keeper:
        try:
            await_waiter(first)
            path.unlink()
            second = share()
            shared[0].close()
            await_waiter(second)
            process = Path("/proc", server.read_text().strip())
            assert process.exists()
            shared[1].close()
            assert keeper.wait(WITHIN) == 0
            assert not process.exists()
            assert not path.exists()
        finally:
            keeper.kill()
