"""Programs over virtio-serial, where a device has that."""

from __future__ import annotations

import contextlib
import re

import pytest

from emulator.base.deadline import Deadline
from emulator.embedded.device import PORTS, EmbeddedDevice
from emulator.embedded.qemu.virtio_serial import VirtioPorts
from harness.device.device import Device


@pytest.fixture(scope="module")
def ports(device: Device) -> VirtioPorts:
    """Of a device that has them all: each program that is given up takes one with it."""
    if not isinstance(device.controller, EmbeddedDevice):
        pytest.skip("only the embedded device has ports")
    device.rollback()
    return device.controller.machine.ports


def test_a_program_that_is_given_up_holds_up_no_other(device: Device, ports: VirtioPorts) -> None:
    given_up = ports.run(["/system/bin/cat"])
    assert given_up is not None
    given_up.send(b"there")
    assert given_up.receive(100, Deadline(10)) == b"there"
    given_up.close()
    with device.process() as process:
        assert process.syscall("getppid") > 0


@pytest.mark.usefixtures("ports")
def test_two_processes_share_no_emulated_processor(device: Device) -> None:
    assert isinstance(device.controller, EmbeddedDevice)
    hardware = device.controller.hardware
    if hardware.acceleration != "tcg" or hardware.processors < 2:
        pytest.skip("only emulated processors forget what they have translated")
    with device.process() as first, device.process() as second:
        used = [
            re.findall(
                r"^Cpus_allowed_list:\t(.*)$", device.files.read_text(f"/proc/{each.pid}/status"), re.M
            )
            for each in (first, second)
        ]
    assert sorted(used) == [["0"], ["1"]]


@pytest.mark.usefixtures("ports")
def test_what_runs_on_one_port_is_not_woken_for_another(device: Device) -> None:
    # Sharing one, each that had ever written was woken by all: four that waited doubled a round trip.
    interrupts = device.files.read_text("/proc/interrupts").splitlines()
    assert len([line for line in interrupts if line.endswith("-input")]) >= PORTS
    with device.process() as idle, device.process() as busy:
        status = f"/proc/{idle.pid}/task"
        threads = [int(name) for name in device.shell(f"ls {status}").split()]

        def switches() -> int:
            counts = (device.files.read_text(f"{status}/{thread}/status") for thread in threads)
            return sum(int(re.findall(r"voluntary_ctxt_switches:\t(\d+)", text)[0]) for text in counts)

        before = switches()
        for _ in range(100):
            busy.syscall("getppid")
        assert switches() - before < 10


def test_a_program_ends_with_its_output_and_status(ports: VirtioPorts) -> None:
    program = ports.run(["/system/bin/sh", "-c", "echo out; echo why >&2; exit 3"])
    assert program is not None
    with contextlib.closing(program):
        assert b"".join(iter(lambda: program.receive(2, Deadline(10)), b"")) == b"out\n"
        assert program.wait_status(Deadline(1)) == 3 << 8
        assert program.standard_error == "why\n"
