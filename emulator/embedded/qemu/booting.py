"""Starts one machine again and again, here or on a host: what a device does at its start and its restarts."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from emulator.cache.run_directory import run_directory
from emulator.embedded.qemu.machine import Hardware, Machine
from emulator.embedded.qemu.running_machine import RunningMachine


def booting(
    address: str, hardware: Hardware, resources: contextlib.ExitStack
) -> Callable[[int], RunningMachine]:
    """What starts a machine, on the host at `address` or here where that is empty, again and again.

    It takes the port of 127.0.0.1 that is to lead to the device's adbd, 0 for any. The connection to the
    host, and the machines' directories, end with `resources`; each machine has to be closed.
    """
    directory = resources.enter_context(run_directory())
    start: Callable[..., RunningMachine] = partial(Machine, hardware)
    if address:
        from emulator.embedded.qemu.remote_machine import RemoteMachine  # and paramiko, which takes a moment
        from emulator.host.ssh_host import SshHost

        start = partial(RemoteMachine, resources.enter_context(SshHost(address)), hardware)
    return lambda adb_port: start(Path(tempfile.mkdtemp(dir=directory)), adb_port=adb_port)
