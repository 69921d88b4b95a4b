"""The embedded device on a host reached over SSH: made here, run there, reached from here."""

from __future__ import annotations

import contextlib
import dataclasses

from emulator.adb_server import ensure_adb_server
from emulator.deadline import Deadline
from emulator.embedded.device import hardware_of
from emulator.embedded.image import embedded_image
from emulator.embedded.qemu_device import QemuDevice
from emulator.host import Host
from emulator.progress import step
from emulator.remote_machine import RemoteMachine
from emulator.run_directory import run_directory
from emulator.target import START_SECONDS, Target


def open_remote(target: Target, deadline: Deadline | None = None) -> QemuDevice:
    """Boot an embedded device on the target's host and wait until adb reaches it.

    It always boots, and `auto` means emulation: snapshots and the trial of KVM are of the machine they were
    made on.
    """
    hardware = hardware_of(target, embedded_image())
    if target.option("acceleration") == "kvm":
        hardware = dataclasses.replace(hardware, acceleration="kvm")
    ensure_adb_server()
    with contextlib.ExitStack() as resources:
        directory = resources.enter_context(run_directory())
        host = resources.enter_context(Host(target.option("host")))
        with step(f"starting {target}"):
            machine = resources.enter_context(RemoteMachine(host, hardware, directory))
            device = QemuDevice(target, machine, resources)
            device.wait_until_ready(deadline or Deadline(START_SECONDS))
        device._resources = resources.pop_all()
    return device
