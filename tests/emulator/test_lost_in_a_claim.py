"""A device whose QEMU ends during a claim is lost, whatever the experiment makes of that."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError, HarnessError
from emulator.embedded.device import EmbeddedDevice
from harness.device.device import Device, open_device
from harness.device.facts import Facts
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.judge import judge
from tests.support.fake_device import Measured, make_claim


def end_qemu(device: Device) -> None:
    assert isinstance(device.controller, EmbeddedDevice)
    os.kill(device.controller.machine.process_id, signal.SIGKILL)


def system_call(device: Device) -> None:
    with device.process() as process:
        end_qemu(device)
        process.syscall("getppid")


def new_process(device: Device) -> None:
    end_qemu(device)
    device.process()


def shell_command(device: Device) -> None:
    device.shell("true")
    end_qemu(device)
    device.shell("true")


def file_is_absent(device: Device) -> None:
    assert device.files.exists("/proc")
    end_qemu(device)
    try:
        device.files.read_text("/proc/version")
    except HarnessError as error:
        raise FacilityMissingError("the file cannot be read") from error


def nothing_after(device: Device) -> None:
    end_qemu(device)


def error_is_the_result(device: Device) -> None:
    with device.process() as process:
        end_qemu(device)
        with contextlib.suppress(HarnessError, OSError):
            process.syscall("getppid")


@pytest.mark.parametrize(
    "experiment",
    [system_call, new_process, shell_command, file_is_absent, nothing_after, error_is_the_result],
)
def test_the_end_of_qemu_is_a_loss(experiment: Callable[[Device], None]) -> None:
    def measure(device: Device) -> Measured:
        experiment(device)
        return Measured(1)

    def refuted(_: Measured, __: Facts) -> Finding:
        return Finding.whether(False, "nothing was there")

    claim = make_claim("mmap.some", cast(Any, measure), refuted)
    with open_device() as device:
        result = judge(claim, device)
    assert result.verdict is Verdict.LOST, result.reason
    assert "QEMU ended" in result.reason
