"""A QEMU on a host reached over SSH: the same machine, which a watcher on the host ends with this run."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shlex
import socket
import uuid
from pathlib import Path

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.embedded.qemu.machine import Hardware, qemu_command
from emulator.embedded.qemu.running_machine import RunningMachine
from emulator.embedded.qemu.virtio_serial import VirtioPorts
from emulator.host.host import Host, absence
from emulator.host.ssh_host import SshHost
from emulator.host.ssh_program import SshProgram
from emulator.host.tunnel import join

logger = logging.getLogger(__name__)

STARTS_WITHIN = 20.0


class RemoteMachine(RunningMachine):
    """A running QEMU on a host; its adbd answers on a port of this machine's 127.0.0.1."""

    def __init__(self, host: SshHost, hardware: Hardware, directory: Path, *, adb_port: int = 0) -> None:
        run = f"{host.directory}/run-{uuid.uuid4().hex}"
        hardware = _on_host(host, hardware)
        command = qemu_command(hardware, f"pipe,id=monitor,path={run}/monitor")
        missing = absence(host, command[0])
        if missing:
            raise SetupError(missing)
        pipes = shlex.join([f"{run}/monitor.in", f"{run}/monitor.out"])
        host.shell(f"mkdir -p -m 700 {shlex.quote(host.directory)} {shlex.quote(run)} && mkfifo {pipes}")
        logger.info("starting QEMU on %s: %s", host.address, shlex.join(command))
        super().__init__(
            SshProgram(
                host,
                command,
                directory / "console.log",
                name=command[0],
                errors=directory / "qemu.err",
                directory=run,
                environment=host.device_environment(),
            ),
            VirtioPorts(0),
        )

        def connect() -> socket.socket:
            """Connect to the monitor over two named pipes on the host (qemu(1), -chardev pipe)."""
            line = f"cat {shlex.quote(run)}/monitor.out & exec cat > {shlex.quote(run)}/monitor.in"
            channel = self._resources.enter_context(contextlib.closing(host.open_session(line)))
            Deadline(STARTS_WITHIN).poll(
                lambda: channel.recv_ready() or not self.alive, "QEMU's monitor on the host", interval=0.05
            )
            if not self.alive:
                raise SetupError("QEMU has ended")
            ours, theirs = socket.socketpair()
            join(theirs, channel)
            return ours

        remote_port = self._attach(connect, hardware.adbd_port)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            self.adb_port = self._resources.enter_context(host.forward(remote_port, adb_port))
            on_failure.pop_all()


def _on_host(host: Host, hardware: Hardware) -> Hardware:
    """The same hardware, with copies of its files on the host."""
    disks = tuple(dataclasses.replace(disk, file=host.put(disk.file)) for disk in hardware.disks)
    kernel, initramfs = (file and host.put(file) for file in (hardware.kernel, hardware.initramfs))
    return dataclasses.replace(hardware, kernel=kernel, initramfs=initramfs, disks=disks)
