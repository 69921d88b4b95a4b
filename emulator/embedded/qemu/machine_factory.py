"""Makes the function that starts a machine, here or on a host: for a device's start and each restart."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from emulator.cache.run_directory import run_directory
from emulator.embedded.qemu.machine import Hardware, Machine
from emulator.embedded.qemu.running_machine import RunningMachine


def machine_factory(
    address: str, hardware: Hardware, resources: contextlib.ExitStack
) -> Callable[[int], RunningMachine]:
    """A function that starts a machine on the host at `address`, or here where that is empty.

    Its argument is the port of 127.0.0.1 to forward to the device's adbd, 0 for any free one. `resources`
    close the connection to the host and the machines' directories; the caller closes each machine.
    """
    directory = resources.enter_context(run_directory())
    start: Callable[..., RunningMachine] = partial(Machine, hardware)
    if address:
        # Imported here, because paramiko takes a moment.
        from emulator.embedded.qemu.remote_machine import RemoteMachine
        from emulator.host.ssh_host import SshHost

        start = partial(RemoteMachine, resources.enter_context(SshHost(address)), hardware)
    return lambda adb_port: start(Path(tempfile.mkdtemp(dir=directory)), adb_port=adb_port)
