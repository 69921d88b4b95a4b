"""A QEMU on this machine: what it is made of, its command line, and its start."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.base.child_program import ChildProgram
from emulator.embedded.qemu.board import BOARDS
from emulator.embedded.qemu.channel import Ports
from emulator.embedded.qemu.running_machine import RunningMachine

ACCELERATORS = {
    # One thread for all processors: with several, QEMU 7.2 lets one run code that another is patching, as
    # tracepoints and probes do, and the kernel panics once in some dozen recordings.
    "tcg": "tcg,thread=single",
    "kvm": "kvm",
}
ADBD_PORT = 5555


@dataclass(frozen=True)
class Disk:
    """A disk image. It is read only: what the device writes goes to a temporary file and ends with it."""

    file: Path
    format: str = "raw"
    """As `qemu-img` names it: raw, qcow2."""


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of."""

    kernel: Path | None
    """None for a machine that starts from its first disk."""
    initramfs: Path | None
    architecture: str = "x86_64"
    """As `uname -m` says it."""
    disks: tuple[Disk, ...] = ()
    memory_mib: int = 512
    processors: int = 2
    acceleration: str = "tcg"
    kernel_arguments: tuple[str, ...] = ()
    adbd_port: int = ADBD_PORT
    """The TCP port on which the device's adbd listens."""
    ports: int = 0
    """Programs that can run over virtio-serial at once, where channel_server runs: 30 at most."""
    waiting: tuple[tuple[str, ...], ...] = ()
    """Programs, each by its words, that run there already when the machine is restored from a snapshot."""


@dataclass(frozen=True)
class Memory:
    """A file that holds the machine's memory."""

    file: Path
    shared: bool
    """Whether what the device writes goes there; otherwise the file stays as it is (copy on write)."""


class Machine(RunningMachine):
    """A QEMU that runs here.

    `adb_port` is the port to forward, any that is free unless given. A machine that `waits` does not boot,
    but waits for its monitor to be told where another's state is.
    """

    def __init__(
        self,
        hardware: Hardware,
        directory: Path,
        *,
        adb_port: int = 0,
        memory: Memory | None = None,
        waits: bool = False,
    ) -> None:
        ports = Ports(hardware.ports)
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(ports.close)
            on_failure.enter_context(ours)
            with theirs, ports.lent() as lent:
                program = ChildProgram(
                    [
                        *qemu_command(hardware, f"socket,id=monitor,fd={theirs.fileno()}", adb_port, lent),
                        *(_memory(hardware, memory) if memory else ()),
                        *(("-incoming", "defer") if waits else ()),
                    ],
                    directory / "console.log",
                    errors=directory / "qemu.err",
                    inherited=(theirs.fileno(), *lent),
                )
            on_failure.pop_all()
        super().__init__(program, ports)
        self.process_id = program.process_id
        """Of QEMU."""
        self.adb_port = self._attach(lambda: ours, hardware.adbd_port)

    def processor_seconds(self) -> float:
        """How long QEMU has kept this machine's processors busy so far; in steps of a hundredth."""
        # After the program's name, which may hold anything: fields 14 and 15 of proc_pid_stat(5).
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def qemu_command(hardware: Hardware, monitor: str, adb_port: int = 0, ports: Sequence[int] = ()) -> list[str]:
    """The command that starts QEMU, its console on standard output, its monitor on the device `monitor`.

    `monitor` has the id `monitor` (qemu(1), -chardev); `ports` are open sockets for virtio-serial.
    """
    board = BOARDS[hardware.architecture]
    return [
        board.program,
        *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
        *("-machine", board.machine, "-accel", ACCELERATORS[hardware.acceleration]),
        *("-cpu", "host" if hardware.acceleration == "kvm" else board.processor),
        *("-smp", str(hardware.processors), "-m", f"{hardware.memory_mib}M"),
        *_boot(hardware),
        *(word for disk in hardware.disks for word in _drive(disk)),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-netdev", f"user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:{adb_port}-:{hardware.adbd_port}"),
        # Nothing is booted from the network, and nobody there need be told that a machine was restored.
        *("-device", "virtio-net-pci,netdev=network,romfile=,guest_announce=off"),
        *_channels(monitor, ports),
    ]


def _boot(hardware: Hardware) -> list[str]:
    words = []
    if hardware.kernel is not None:
        words += ["-kernel", str(hardware.kernel), "-append", " ".join(hardware.kernel_arguments)]
    if hardware.initramfs is not None:
        words += ["-initrd", str(hardware.initramfs)]
    return words


def _drive(disk: Disk) -> tuple[str, str]:
    return "-drive", f"if=virtio,format={disk.format},snapshot=on,file={_value(disk.file)}"


def _memory(hardware: Hardware, memory: Memory) -> Iterator[str]:
    shared = "on" if memory.shared else "off"
    file = f"mem-path={_value(memory.file)},share={shared}"
    yield from ("-object", f"memory-backend-file,id=memory,size={hardware.memory_mib}M,{file}")
    yield from ("-machine", "memory-backend=memory")


def _channels(monitor: str, ports: Sequence[int]) -> Iterator[str]:
    yield from ("-chardev", monitor, "-mon", "chardev=monitor,mode=control")
    if ports:
        # One port more, for a console, cannot be used by others. Each port has two queues and needs as many
        # interrupts, else all share one, which wakes whoever has ever written (virtio_pci_common.c, 6.12).
        count = len(ports) + 1
        vectors = 2 * (count + 1) + 1
        yield from ("-device", f"virtio-serial-pci,max_ports={count},vectors={vectors}")
    for number, port in enumerate(ports):
        yield from ("-chardev", f"socket,id=port{number},fd={port}")
        yield from ("-device", f"virtserialport,chardev=port{number}")


def _value(file: Path) -> str:
    # A comma ends a value, and a doubled one stands for itself (qemu(1), -drive).
    return str(file).replace(",", ",,")
