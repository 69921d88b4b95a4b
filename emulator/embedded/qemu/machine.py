"""A QEMU on this machine: its hardware, its command line and its start."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.child_program import ChildProgram
from emulator.embedded.qemu.running_machine import RunningMachine
from emulator.embedded.qemu.virtio_serial import VirtioPorts

logger = logging.getLogger(__name__)

ACCELERATORS = {
    # One thread for all processors: with several, QEMU 7.2 lets one processor run code that another is
    # patching, for example for a tracepoint or probe, and the kernel panics once in a few dozen recordings.
    "tcg": "tcg,thread=single",
    "kvm": "kvm",
}
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
"""System calls that QEMU may not make: a guest that breaks out of it starts no program as its user."""
ADBD_PORT = 5555


@dataclass(frozen=True)
class Disk:
    """A disk image, read-only: QEMU keeps what the device writes in a temporary file until it ends."""

    file: Path
    format: str = "raw"
    """As in `qemu-img`: raw or qcow2."""


@dataclass(frozen=True)
class Hardware:
    """The parts of a machine."""

    kernel: Path | None
    """None for a machine that boots from its first disk."""
    initramfs: Path | None
    architecture: Architecture = DEFAULT
    disks: tuple[Disk, ...] = ()
    memory_mib: int = 512
    processors: int = 2
    acceleration: str = "tcg"
    kernel_arguments: tuple[str, ...] = ()
    adbd_port: int = ADBD_PORT
    """The TCP port on which the device's adbd listens."""
    ports: int = 0
    """Virtio-serial ports, 30 at most: each runs one program at a time, where channel_server runs."""
    waiting: tuple[tuple[str, ...], ...] = ()
    """Programs, each by its path and arguments, that already run in the machine's snapshot."""


@dataclass(frozen=True)
class Memory:
    """A file that holds the machine's memory."""

    file: Path
    shared: bool
    """Whether the device writes to the file; otherwise the file stays unchanged (copy-on-write)."""


class Machine(RunningMachine):
    """A QEMU that runs here.

    `adb_port` is the port to forward, 0 for any free one. An `incoming` machine does not boot: it waits until
    the monitor loads the state of another.
    """

    def __init__(
        self,
        hardware: Hardware,
        directory: Path,
        *,
        adb_port: int = 0,
        memory: Memory | None = None,
        incoming: bool = False,
    ) -> None:
        ports = VirtioPorts(hardware.ports)
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(ports.close)
            on_failure.enter_context(ours)
            with theirs, ports.inheritable() as descriptors:
                command = [
                    *qemu_command(hardware, f"socket,id=monitor,fd={theirs.fileno()}", adb_port, descriptors),
                    *(_memory(hardware, memory) if memory else ()),
                    *(("-incoming", "defer") if incoming else ()),
                ]
                logger.info("starting QEMU: %s", shlex.join(command))
                program = ChildProgram(
                    command,
                    directory / "console.log",
                    errors=directory / "qemu.err",
                    inherited=(theirs.fileno(), *descriptors),
                )
            on_failure.pop_all()
        super().__init__(program, ports)
        self.process_id = program.process_id
        """QEMU's."""
        self.adb_port = self._attach(lambda: ours, hardware.adbd_port)

    def processor_seconds(self) -> float:
        """The processor time that QEMU has used, in steps of 10 ms."""
        # Fields 14 and 15 of proc_pid_stat(5), counted after the program's name, which may hold anything.
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def qemu_command(hardware: Hardware, monitor: str, adb_port: int = 0, ports: Sequence[int] = ()) -> list[str]:
    """The command that starts QEMU with its console on standard output.

    `monitor` is the character device for its monitor, with the id `monitor` (qemu(1), -chardev); `ports` are
    open sockets for virtio-serial.
    """
    architecture = hardware.architecture
    return [
        architecture.qemu_program,
        *("-nodefaults", "-no-user-config", "-sandbox", SANDBOX, "-display", "none", "-vga", "none"),
        *("-machine", architecture.qemu_machine, "-accel", ACCELERATORS[hardware.acceleration]),
        *("-cpu", "host" if hardware.acceleration == "kvm" else architecture.qemu_cpu),
        *("-smp", str(hardware.processors), "-m", f"{hardware.memory_mib}M"),
        *_boot(hardware),
        *(option for disk in hardware.disks for option in _drive(disk)),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-netdev", f"user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:{adb_port}-:{hardware.adbd_port}"),
        # No network boot, and no announcement to the network after a restore.
        *("-device", "virtio-net-pci,netdev=network,romfile=,guest_announce=off"),
        *_monitor_and_ports(monitor, ports),
    ]


def _boot(hardware: Hardware) -> list[str]:
    options = []
    if hardware.kernel is not None:
        options += ["-kernel", str(hardware.kernel), "-append", " ".join(hardware.kernel_arguments)]
    if hardware.initramfs is not None:
        options += ["-initrd", str(hardware.initramfs)]
    return options


def _drive(disk: Disk) -> tuple[str, str]:
    return "-drive", f"if=virtio,format={disk.format},snapshot=on,file={_value(disk.file)}"


def _memory(hardware: Hardware, memory: Memory) -> Iterator[str]:
    shared = "on" if memory.shared else "off"
    file = f"mem-path={_value(memory.file)},share={shared}"
    yield from ("-object", f"memory-backend-file,id=memory,size={hardware.memory_mib}M,{file}")
    yield from ("-machine", "memory-backend=memory")


def _monitor_and_ports(monitor: str, ports: Sequence[int]) -> Iterator[str]:
    yield from ("-chardev", monitor, "-mon", "chardev=monitor,mode=control")
    if ports:
        # Port 0 is reserved for a console. Each port has two queues and needs an interrupt for each; without,
        # all share one, which wakes every program that has ever written (virtio_pci_common.c, 6.12).
        count = len(ports) + 1
        vectors = 2 * (count + 1) + 1
        # Without an eventfd, the processor that writes passes its bytes on itself: waking QEMU's main loop,
        # which also had two eventfds a port to poll, took a third of a round trip.
        yield from ("-device", f"virtio-serial-pci,max_ports={count},vectors={vectors},ioeventfd=off")
    for number, port in enumerate(ports):
        yield from ("-chardev", f"socket,id=port{number},fd={port}")
        yield from ("-device", f"virtserialport,chardev=port{number}")


def _value(file: Path) -> str:
    # A comma ends a value; a doubled comma is a literal one (qemu(1), -drive).
    return str(file).replace(",", ",,")
