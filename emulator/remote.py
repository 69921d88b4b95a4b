"""QEMU's devices on a host reached over SSH: made here, run there, reached from here."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

from emulator.adb_server import ensure_adb_server
from emulator.deadline import Deadline
from emulator.embedded.device import hardware_of, image_of
from emulator.embedded.machine import Hardware, Machine
from emulator.embedded.qemu_device import QemuDevice
from emulator.embedded.running_machine import RunningMachine
from emulator.progress import step
from emulator.remote_machine import RemoteMachine
from emulator.run_directory import run_directory
from emulator.ssh_host import SshHost
from emulator.target import START_SECONDS, Target


def open_remote(target: Target, deadline: Deadline | None = None) -> QemuDevice:
    """Boot an embedded device on the target's host and wait until adb reaches it.

    It always boots, and `auto` means emulation: snapshots and the trial of KVM are of the machine they were
    made on.
    """
    hardware = hardware_of(target, image_of(target))
    if target.option("acceleration") == "kvm":
        hardware = dataclasses.replace(hardware, acceleration="kvm")
    ensure_adb_server()
    with contextlib.ExitStack() as resources:
        boot = booting(target.option("host"), hardware, resources)
        with step(f"starting {target}"):
            device = QemuDevice(target, boot(0), boot, resources)
            device.wait_until_ready(deadline or Deadline(START_SECONDS))
        device._resources = resources.pop_all()
    return device


def booting(
    address: str, hardware: Hardware, resources: contextlib.ExitStack
) -> Callable[[int], RunningMachine]:
    """What starts a machine, on the host at `address` or here where that is empty, again and again.

    It takes the port of 127.0.0.1 that is to lead to the device's adbd, 0 for any. The connection to the
    host, and the machines' directories, end with `resources`; each machine has to be closed.
    """
    directory = resources.enter_context(run_directory())
    host = resources.enter_context(SshHost(address)) if address else None

    def boot(adb_port: int) -> RunningMachine:
        private = Path(tempfile.mkdtemp(dir=directory))
        if host is None:
            return Machine(hardware, private, adb_port=adb_port)
        return RemoteMachine(host, hardware, private, adb_port=adb_port)

    return boot
