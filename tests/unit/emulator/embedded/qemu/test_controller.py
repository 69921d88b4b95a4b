"""The controller of a machine whose adb server is missing, or cannot connect."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import adbutils
import pytest

from emulator.adb.client import AdbClient
from emulator.base.child_program import ChildProgram
from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, UsageError
from emulator.embedded.device import EmbeddedDevice
from emulator.embedded.qemu.controller import QemuDevice
from emulator.embedded.qemu.machine import Hardware
from emulator.embedded.qemu.running_machine import RunningMachine
from emulator.embedded.qemu.virtio_serial import VirtioPorts
from emulator.target import parse_target


class Asleep(RunningMachine):
    """Another program instead of QEMU, with no port that leads to it."""

    adb_port = 1

    def __init__(self, directory: Path) -> None:
        super().__init__(
            ChildProgram(["sleep", "60"], directory / "log", errors=directory / "errors"), VirtioPorts(0)
        )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def machine(tmp_path: Path) -> Asleep:
    return Asleep(tmp_path)


def device_of(machine: Asleep, resources: contextlib.ExitStack) -> QemuDevice:
    return QemuDevice(parse_target("embedded"), machine, lambda _: machine, resources)


def test_its_machine_ends_where_the_adb_server_s_port_is_invalid(
    machine: Asleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "none")
    with pytest.raises(UsageError), contextlib.ExitStack() as resources:
        device_of(machine, resources)
    assert not machine.alive


def test_no_adb_server_is_started_only_to_disconnect(
    machine: Asleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # which does not listen
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(unused.getsockname()[1]))
        monkeypatch.setattr("adbutils.AdbClient.disconnect", lambda *_: pytest.fail("asked adb"))
        monkeypatch.setattr("emulator.adb.server.subprocess.Popen", lambda *_, **__: pytest.fail("started"))
        device_of(machine, contextlib.ExitStack()).close()
    assert not machine.alive


@pytest.mark.parametrize("asked", [True, False])
def test_adb_disconnects_from_a_device_that_it_tried_to_reach(
    asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the adb server would retry the failed connection for as long as it runs."""

    def refuse(*_: object, **__: object) -> None:
        raise adbutils.AdbError

    left: list[str] = []
    monkeypatch.setattr("emulator.embedded.device.CONNECT_SECONDS", 0)
    monkeypatch.setattr("emulator.adb.client.ensure_adb_server", lambda *_: None)
    monkeypatch.setattr("emulator.adb.client.answers", lambda _: True)
    monkeypatch.setattr("adbutils.AdbClient.list", lambda *_, **__: [])
    monkeypatch.setattr("adbutils.AdbClient.connect", refuse)
    monkeypatch.setattr("adbutils.AdbClient.disconnect", lambda _, serial: left.append(serial))
    monkeypatch.setattr(EmbeddedDevice, "_started_machine", lambda self, _: Asleep(self._new_directory()))
    resources = contextlib.ExitStack()
    device = EmbeddedDevice(parse_target("embedded"), Hardware(None, None), resources, Deadline(20))
    with contextlib.closing(device):
        if asked:
            with pytest.raises(DeviceLostError, match="adb to connect to"):
                _ = device.serial
    assert left == ["127.0.0.1:1"] * asked


def test_each_try_to_reach_it_has_an_adb_server_of_ours(
    machine: Asleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may end the running one at any time, and adbutils would start one that nobody ends."""
    done: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        done.append("asked")
        raise adbutils.AdbError

    monkeypatch.setattr("emulator.adb.client.ensure_adb_server", lambda *_: done.append("ensured"))
    monkeypatch.setattr("emulator.adb.client.answers", lambda _: False)
    monkeypatch.setattr("adbutils.AdbClient.connect", refuse)
    device = device_of(machine, contextlib.ExitStack())
    with contextlib.closing(device), pytest.raises(DeviceLostError):
        device.reconnect(Deadline(0.1))
    assert len(done) > 2
    assert done == ["ensured", "asked"] * (len(done) // 2)


def test_a_machine_that_has_restarted_gets_another_connection(
    machine: Asleep, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """adb keeps the dead one, `offline`, for up to two minutes, and connects to no address that it lists."""
    state = "offline"
    asked: list[str] = []

    def disconnect(*_: object) -> None:
        nonlocal state
        state = "gone"

    def connect(*_: object) -> None:
        nonlocal state
        asked.append(state)
        if state == "gone":
            state = "device"
        elif len(asked) == 3:
            machine.console.read_from([b"binder-harness: device ready\n"])

    monkeypatch.setattr(AdbClient, "state", lambda *_: state)
    monkeypatch.setattr(AdbClient, "connect", connect)
    monkeypatch.setattr(AdbClient, "disconnect", disconnect)
    machine.console = Console(tmp_path / "console")
    machine.console.read_from([b"binder-harness: device ready\n"])
    device = device_of(machine, contextlib.ExitStack())
    device.reconnect(Deadline(5))
    assert asked == ["gone"], "the first start"
    state = "offline"
    asked.clear()
    device.reconnect(Deadline(5))
    device.close()
    assert asked == ["offline"] * 3 + ["gone"]
