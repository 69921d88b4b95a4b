"""The command line of QEMU: what the architecture and the files put there, and where it is logged."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError
from emulator.embedded.qemu.machine import Disk, Hardware, Machine, qemu_command


def following(command: list[str], option: str) -> list[str]:
    return [value for word, value in itertools.pairwise(command) if word == option]


@pytest.mark.parametrize(
    ("architecture", "program", "machine"),
    [(X86_64, "qemu-system-x86_64", "q35"), (AARCH64, "qemu-system-aarch64", "virt,gic-version=max")],
)
def test_program_and_machine_are_the_architecture_s(
    architecture: Architecture, program: str, machine: str
) -> None:
    command = qemu_command(Hardware(None, None, architecture), "socket,id=monitor,fd=3")
    assert command[0] == program
    assert following(command, "-machine") == [machine]
    assert following(command, "-cpu") == [architecture.qemu_cpu]


def test_kvm_has_the_processor_of_the_host() -> None:
    command = qemu_command(Hardware(None, None, acceleration="kvm"), "socket,id=monitor,fd=3")
    assert following(command, "-cpu") == ["host"]


def test_qemu_may_start_no_programs_and_gain_no_privileges() -> None:
    (sandbox,) = following(qemu_command(Hardware(None, None), "socket,id=monitor,fd=3"), "-sandbox")
    assert sandbox.split(",")[0] == "on"
    assert {"spawn=deny", "elevateprivileges=deny", "resourcecontrol=deny"} <= set(sandbox.split(","))


def test_a_comma_in_a_file_s_name_is_doubled() -> None:
    hardware = Hardware(None, None, disks=(Disk(Path("/a,b"), "qcow2"),))
    (drive,) = following(qemu_command(hardware, "socket,id=monitor,fd=3"), "-drive")
    assert drive == "if=virtio,format=qcow2,snapshot=on,file=/a,,b"


def test_the_command_is_logged_and_a_failed_start_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "emulator.embedded")
    hardware = Hardware(None, None, dataclasses.replace(X86_64, qemu_program="false"))
    with pytest.raises(SetupError, match=r"^QEMU did not start: it printed no reason\. .+"):
        Machine(hardware, tmp_path)
    assert "starting QEMU: false -nodefaults" in caplog.text
