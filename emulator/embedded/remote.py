"""QEMU's devices on a host reached over SSH: made here, run there, reached from here."""

from __future__ import annotations

import dataclasses

from emulator.adb.client import AdbClient
from emulator.base.controller import close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.progress import step
from emulator.embedded.device import hardware_of, image_of
from emulator.embedded.qemu.booting import booting
from emulator.embedded.qemu.qemu_device import QemuDevice
from emulator.target import START_SECONDS, Target


def open_remote(target: Target, deadline: Deadline | None = None) -> QemuDevice:
    """Boot an embedded device on the target's host and wait until adb reaches it.

    It always boots, and `auto` means emulation: snapshots and the trial of KVM are of the machine they were
    made on.
    """
    hardware = hardware_of(target, image_of(target))
    if target.option("acceleration") == "kvm":
        hardware = dataclasses.replace(hardware, acceleration="kvm")
    AdbClient().ensure_server()
    with close_on_failure() as resources:
        boot = booting(target.option("host"), hardware, resources)
        with step(f"starting {target}"):
            device = QemuDevice(target, boot(0), boot, resources)
            device.wait_until_ready(deadline or Deadline(START_SECONDS))
    return device
