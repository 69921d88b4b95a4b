"""A QEMU on a host reached over SSH: the same machine, whose end is watched over from its own side."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import socket
import threading
import uuid
from pathlib import Path

from emulator.embedded.channel import Ports
from emulator.embedded.console import Console
from emulator.embedded.machine import QEMU, Hardware, Machine, qemu_command
from emulator.embedded.monitor import Monitor
from emulator.errors import SetupError
from emulator.host import DIRECTORY, Host, Tunnel, join

HEARTBEAT_SECONDS = 5.0
SILENCE_SECONDS = 30
"""After which the host takes the connection for broken, though nothing told it so."""
ENDS_WITHIN = 20.0

# $1: a directory for this run. $2: how many seconds of silence end it. $3 and on: the command.
# Whatever happens to the connection, the watch reads no more from it, and ends QEMU.
WATCHED = """
# Of a connection that broke off nobody reads, and what is left to do is done all the same.
trap '' PIPE HUP
directory=$1
silence=$2
shift 2
exec 3<&0
"$@" < /dev/null 2> "$directory/errors" &
qemu=$!
(
    while [ -n "$(timeout "$silence" head -c 1)" ]; do :; done
    kill -9 "$qemu"
) <&3 > /dev/null 2>&1 &
wait "$qemu"
cat "$directory/errors" >&2
rm -rf "$directory"
"""


class RemoteMachine(Machine):
    """A running QEMU on a host; its adbd answers on a port of this machine's 127.0.0.1."""

    def __init__(self, host: Host, hardware: Hardware, directory: Path) -> None:
        hardware = _there(host, hardware)
        self._adbd_port = hardware.adbd_port
        self.console = Console(directory / "console.log")
        self._errors = directory / "qemu.err"
        self._errors.touch()
        self._process = None
        self._monitor = None
        self.ports = Ports(0)
        self._ended = threading.Event()
        self._resources = contextlib.ExitStack()
        run = f"{DIRECTORY}/run-{uuid.uuid4().hex}"
        try:
            host.run(f"command -v {QEMU}")
        except SetupError as error:
            raise SetupError(
                f"{host.address} has no {QEMU}. Install Debian's qemu-system-x86 there."
            ) from error
        host.run(f"mkdir -m 700 {run} && mkfifo {run}/monitor.in {run}/monitor.out")
        command = qemu_command(hardware, f"pipe,id=monitor,path={run}/monitor")
        self._channel = host.start(
            shlex.join(["sh", "-c", WATCHED, "sh", run, str(SILENCE_SECONDS), *command])
        )
        self._keeper = threading.Thread(target=self._follow, name="QEMU's console", daemon=True)
        self._keeper.start()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()
        try:
            self._monitor = Monitor(self._monitor_socket(host, run))
            tunnel = Tunnel(host, self._forwarded_port())
            self._resources.callback(tunnel.close)
            self.adb_port = tunnel.port
        except SetupError as error:
            self.close()
            raise self._start_failure() from error

    def _monitor_socket(self, host: Host, run: str) -> socket.socket:
        """A socket to the monitor, by way of two named pipes on the host (qemu(1), -chardev pipe)."""
        channel = host.start(f"cat {run}/monitor.out & exec cat > {run}/monitor.in")
        self._resources.callback(channel.close)
        ours, theirs = socket.socketpair()
        join(theirs, channel)
        return ours

    def _follow(self) -> None:
        """Read the console to its end."""
        with self._channel.makefile("rb") as output:
            self.console.read_from(output)
        # A panic ends the reading: let the machine end, too.
        self._channel.shutdown_write()
        with self._channel.makefile_stderr("rb") as errors:
            self._errors.write_bytes(errors.read())
        self._ended.set()

    def _beat(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while not self._ended.wait(HEARTBEAT_SECONDS):
                self._channel.sendall(b".")

    @property
    def process_id(self) -> int:
        """Never known here."""
        raise NotImplementedError("QEMU runs on another machine")

    def close(self) -> None:
        """End QEMU, and wait until the host has said that it ended; closing twice does nothing."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()
        self._keeper.join(ENDS_WITHIN)
        self._channel.close()
        self._keeper.join()
        self._ended.set()
        self._heart.join()
        if self._monitor is not None:
            self._monitor.close()
        self._resources.close()


def _there(host: Host, hardware: Hardware) -> Hardware:
    """The same hardware, made of the files' copies on the host."""

    def put(file: Path | None) -> Path | None:
        return None if file is None else Path(host.put(file))

    disks = tuple(dataclasses.replace(disk, file=Path(host.put(disk.file))) for disk in hardware.disks)
    return dataclasses.replace(
        hardware, kernel=put(hardware.kernel), initramfs=put(hardware.initramfs), disks=disks
    )
