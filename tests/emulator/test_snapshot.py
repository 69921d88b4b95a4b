"""Devices started from a snapshot: they are independent, a roll back undoes changes, damage is repaired."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.base.controller import HasSavedState
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.progress import reporting_to
from emulator.cache.root import cache_root
from emulator.cache.store import MANIFEST, _write_manifest
from emulator.embedded.device import WAITING, EmbeddedDevice, open_embedded
from emulator.embedded.snapshot import KEPT, restored_machine, snapshot_of
from emulator.target import parse_target
from harness.agent.errors import AgentDiedError
from harness.agent.exit_status import ExitStatus
from harness.agent.operations import SystemCall
from harness.binder import Binder
from harness.device.device import Device, DeviceProcess
from harness.device.probing import find_facts

WITHIN = 60.0
SMALL = "embedded?memory=256&userland=none"
"""No other test uses this snapshot: it may be damaged."""


@pytest.fixture
def device() -> Iterator[Device]:
    with Device(open_embedded(parse_target("embedded"))) as device:
        yield device


@pytest.fixture(scope="module")
def restarted() -> Iterator[tuple[Device, list[DeviceProcess]]]:
    """A restored device that was restarted, and agents that ran on it before."""
    with Device(open_embedded(parse_target("embedded"))) as device:
        processes = [device.process() for _ in range(3)]
        device.controller.restart(Deadline(WITHIN))
        yield device, processes


def small() -> EmbeddedDevice:
    return open_embedded(parse_target(SMALL))


def test_clones_differ_in_random_numbers_and_have_the_right_time() -> None:
    clones = [Device(open_embedded(parse_target("embedded"))) for _ in range(3)]
    try:
        streams = [
            [clone.files.read_text("/proc/sys/kernel/random/uuid") for _ in range(5)] for clone in clones
        ]
        boots = {clone.files.read_text("/proc/sys/kernel/random/boot_id") for clone in clones}
        for clone in clones:
            before = time.time()
            now = int(clone.shell("date +%s"))
            assert before - 1 <= now <= time.time() + 1
    finally:
        for clone in clones:
            clone.close()
    assert len({uuid for stream in streams for uuid in stream}) == 15
    assert len(boots) == 3


def test_the_known_facts_of_a_restored_device_are_those_that_trying_finds() -> None:
    with Device(open_embedded(parse_target("embedded"))) as first:
        found = first.facts
    with Device(open_embedded(parse_target("embedded"))) as second:
        assert isinstance(second.controller, HasSavedState)
        assert second.controller.untouched_state is not None
        assert second.facts == found == find_facts(second)


@pytest.mark.parametrize("use", [Device.process, lambda device: device.serial], ids=["an agent", "adb"])
def test_a_device_that_was_used_is_not_in_its_saved_state(
    use: Callable[[Device], object], device: Device
) -> None:
    assert isinstance(device.controller, HasSavedState)
    assert device.controller.untouched_state is not None
    use(device)
    assert device.controller.untouched_state is None
    device.rollback()  # after which nobody has used adb: it does not connect before somebody does
    assert device.controller.untouched_state is not None
    assert device.shell("echo again") == "again"


def test_a_device_that_the_user_manages_before_its_facts_are_found_is_not_taken(device: Device) -> None:
    with device.process() as process, Binder.open(process, "/dev/vndbinder") as manager:
        manager.become_context_manager()
        assert device.facts.free_binder_device != "/dev/vndbinder"
        assert "/dev/vndbinder" in device.facts.binder_devices


def test_a_roll_back_undoes_what_was_done(device: Device) -> None:
    serial, process = device.serial, device.process()
    device.files.write_text("/proc/sys/kernel/hostname", "changed")
    device.shell("echo lost > /data/local/tmp/file")
    device.rollback()
    assert device.serial == serial
    assert device.files.read_text("/proc/sys/kernel/hostname") == "binder-harness\n"
    assert device.shell("ls /data/local/tmp") == ""
    with pytest.raises(AgentDiedError):
        process.syscall("getpid")
    with device.process() as another:
        assert another.syscall("getpid") == another.pid


def test_a_device_that_was_booted_rolls_back_by_booting_again() -> None:
    with Device(open_embedded(parse_target("embedded?start=cold"))) as device:
        device.shell("echo lost > /data/local/tmp/file")
        device.rollback()
        assert device.shell("ls /data/local/tmp") == ""


def test_a_restored_device_can_restart(restarted: tuple[Device, list[DeviceProcess]]) -> None:
    device, processes = restarted
    with device.process() as after:
        assert after.syscall("getpid") == after.pid
    for process in processes:
        process.close()


def test_a_device_that_has_restarted_has_no_known_facts(
    restarted: tuple[Device, list[DeviceProcess]],
) -> None:
    device, _ = restarted
    assert isinstance(device.controller, HasSavedState)
    assert device.controller.untouched_state is None
    device.rollback()
    assert device.controller.untouched_state is not None


def test_the_first_agents_run_in_the_snapshot_and_all_others_are_like_them() -> None:
    clones = [Device(open_embedded(parse_target("embedded"))) for _ in range(2)]
    with contextlib.ExitStack() as closing:
        for clone in clones:
            closing.enter_context(clone)
        latest = [int(clone.files.read_text("/proc/loadavg").split()[-1]) for clone in clones]
        first, second = ([clone.process() for _ in range(WAITING + 1)] for clone in clones)
        waited = [process.pid for process in first[: WAITING - 1]]  # one serves `files`
        assert waited == [process.pid for process in second[: WAITING - 1]]
        assert max(waited) <= min(latest)
        assert all(process.pid > latest[0] for process in first[WAITING - 1 :])
        for process in (*first, *second):
            assert process.syscall("getpid") == process.pid
            process.close()
            assert process.wait() == ExitStatus(code=0)


def test_agents_that_wait_end_with_a_roll_back_and_wait_again(device: Device) -> None:
    first = [device.process().pid for _ in range(WAITING)]
    device.rollback()
    assert [device.process().pid for _ in range(WAITING)] == first


@pytest.mark.parametrize("service", ["adbd", "channel_server", "servicemanager"])
def test_a_service_that_ended_restarts_for_all_clients(service: str, device: Device) -> None:
    """Its clients continue: the programs that wait hold ports that a new server cannot open."""
    before = device.shell(["pidof", service]).strip()
    with contextlib.suppress(HarnessError):  # adbd ends before it answers
        device.shell(["kill", "-9", before])

    def another() -> bool:
        with contextlib.suppress(HarnessError):
            return device.shell(["pidof", service]).strip() not in ("", before)
        return False

    Deadline(WITHIN).poll(another, "the service to run again")
    for process in [device.process() for _ in range(WAITING + 1)]:
        assert process.syscall("getpid") == process.pid
    device.controller.close()  # else each agent that lost its server would be awaited for seconds


def test_many_agents_run_at_once_more_than_there_are_ports(device: Device) -> None:
    processes = [device.process() for _ in range(33)]
    assert len({process.syscall("getpid") for process in processes}) == 33
    for process in processes:
        process.close()
        assert process.wait() == ExitStatus(code=0)
    with device.process() as after:
        assert after.kill() == ExitStatus(signal=9)


def test_a_port_is_clean_after_an_agent_was_killed_during_requests(device: Device) -> None:
    for _ in range(40):
        with device.process() as process:
            buffer = process.memory.allocate(16)
            sleeping = process.main.submit(SystemCall("pause"))
            killer = threading.Thread(target=process.kill)
            killer.start()
            with contextlib.suppress(AgentDiedError):
                while True:
                    buffer.read()
            killer.join(WITHIN)
            assert sleeping.done
            assert process.wait() == ExitStatus(signal=9)


@pytest.mark.parametrize("damage", ["gone", "empty state", "another state"])
def test_a_snapshot_that_does_not_restore_is_made_again(damage: str) -> None:
    first = small()
    snapshot = snapshot_of(first.hardware)
    first.close()
    if damage == "gone":
        shutil.rmtree(snapshot.memory.parent)
    else:
        snapshot.state.write_bytes(b"" if damage == "empty state" else bytes(100_000))
        (snapshot.state.parent / MANIFEST).unlink()
        _write_manifest(
            snapshot.state.parent
        )  # otherwise the manifest would show the damage before any restore
    messages: list[str] = []
    with reporting_to(messages.append):
        second = small()
    second.close()
    assert snapshot_of(second.hardware).state.stat().st_size > 100_000
    assert any("making it again" in line for line in messages) or damage == "gone"


def test_a_snapshot_outlives_a_qemu_that_does_not_start(tmp_path: Path) -> None:
    first = small()
    first.close()
    snapshot = snapshot_of(first.hardware)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SetupError, match="did not start"):
        restored_machine(first.hardware, tmp_path, adb_port=taken.getsockname()[1], deadline=Deadline(WITHIN))
    assert snapshot.memory.exists()


def test_a_device_boots_where_no_snapshot_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("emulator.embedded.snapshot.snapshot_of", refuse)
    messages: list[str] = []
    with reporting_to(messages.append):
        device = small()
    device.close()
    assert any("no space left" in line for line in messages)


def test_old_snapshots_do_not_pile_up() -> None:
    # As many as these tests' processes make at once all leave room for one.
    makers = max(2, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
    assert len(list(Path(cache_root()).glob("snapshot-*"))) <= KEPT + makers
