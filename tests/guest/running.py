"""Boots the guest, has it run shell scripts one after the other, and reads what each of them printed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import DEFAULT
from emulator.base.deadline import Deadline
from emulator.embedded.image import embedded_image
from emulator.embedded.kernel.command_line import kernel_arguments
from emulator.embedded.kernel.find import find_kernel
from emulator.embedded.qemu.acceleration import choose_acceleration
from emulator.embedded.qemu.machine import Hardware, Machine
from tests.guest.image import steps

MEMORY_MIB = 3072
"""The initramfs, its content, and a Python that runs pytest."""


@dataclass(frozen=True)
class Step:
    """What a script printed, and its exit status."""

    output: str
    status: int


def run_guest(
    kernel: str, image: Path, scripts: Mapping[str, str], directory: Path, seconds: float
) -> dict[str, Step]:
    """Run the scripts in a guest with one of Debian's kernels; those that did not end in time are missing."""
    found = find_kernel(kernel)
    initramfs = directory / "initramfs"
    initramfs.write_bytes(image.read_bytes() + steps(scripts))
    hardware = Hardware(
        found.image,
        initramfs,
        memory_mib=MEMORY_MIB,
        acceleration=choose_acceleration("auto", embedded_image(found)),
        kernel_arguments=kernel_arguments(DEFAULT),
    )
    with Machine(hardware, directory) as machine:
        Deadline(seconds).poll(lambda: not machine.alive, "the end of the guest", interval=1)
        return read_steps(machine.console.log.read_text(errors="replace"))


def read_steps(console: str) -> dict[str, Step]:
    """The steps in a guest's console."""
    text = console.replace("\r", "")
    found = re.finditer(r"^begin (\S+)\n(.*?)^end \1 (\d+)$", text, flags=re.MULTILINE | re.DOTALL)
    return {match[1]: Step(match[2], int(match[3])) for match in found}
