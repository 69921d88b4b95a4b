"""One QEMU process: started, watched and ended, so that it never outlives whoever started it."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.command import ENDS_WITH_US, missing_program
from emulator.deadline import Deadline
from emulator.embedded.channel import Ports
from emulator.embedded.console import Console
from emulator.embedded.monitor import Monitor
from emulator.errors import DeviceLostError, SetupError, TimeLimitError
from emulator.run_directory import keep_log

QEMU = "qemu-system-x86_64"
ACCELERATORS = {
    # One thread for all processors: with several, QEMU 7.2 lets one run code that another is patching, as
    # tracepoints and probes do, and the kernel panics once in some dozen recordings.
    "tcg": "tcg,thread=single",
    "kvm": "kvm",
}
ADBD_PORT = 5555
READY = "binder-harness: device ready"

KERNEL_ARGUMENTS = (
    "console=ttyS0",
    "quiet",
    # A panic stops here, is read off the console, and ends the machine.
    "panic=0",
    # AOSP's servicemanagers ask for the caller's security context, which only this module gives.
    "security=selinux",
    # What a kernel under emulation spends its start-up time on.
    "cryptomgr.notests",
    "initcall_blacklist=jent_mod_init",
    "mitigations=off",
    "audit=0",
    "8250.nr_uarts=1",
    "random.trust_cpu=on",
    "no_timer_check",
)


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
    disks: tuple[Disk, ...] = ()
    memory_mib: int = 512
    processors: int = 2
    acceleration: str = "tcg"
    kernel_arguments: tuple[str, ...] = KERNEL_ARGUMENTS
    adbd_port: int = ADBD_PORT
    """The TCP port on which the device's adbd listens."""
    ports: int = 0
    """Programs that can run over virtio-serial at once, where channel_server runs: 30 at most."""


@dataclass(frozen=True)
class Memory:
    """A file that holds the machine's memory."""

    file: Path
    shared: bool
    """Whether what the device writes goes there; otherwise the file stays as it is (copy on write)."""


class Machine:
    """A running QEMU with one forwarded port; use as a context manager or call `close`.

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
        self._adbd_port = hardware.adbd_port
        self.console = Console(directory / "console.log")
        self._errors = directory / "qemu.err"
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._failure: OSError | None = None
        self.ports = Ports(hardware.ports)
        ours, theirs = socket.socketpair()
        with theirs, self.ports.lent() as ports:
            command = [
                *ENDS_WITH_US,
                *qemu_command(hardware, f"socket,id=monitor,fd={theirs.fileno()}", adb_port, ports),
                *(_memory(hardware, memory) if memory else ()),
                *(("-incoming", "defer") if waits else ()),
            ]
            self._keeper = threading.Thread(
                target=self._keep, args=(command, (theirs.fileno(), *ports)), name="QEMU", daemon=True
            )
            self._keeper.start()
            self._started.wait()
        if self._failure is not None:
            ours.close()
            self.ports.close()
            raise missing_program(ENDS_WITH_US[0]) from self._failure
        self._monitor: Monitor | None = None
        try:
            self._monitor = Monitor(ours)
            self.adb_port = self._forwarded_port()
        except SetupError as error:
            self.close()
            raise self._start_failure() from error

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, command: Sequence[str], inherited: Sequence[int]) -> None:
        """Start QEMU and read its console to the end.

        The kernel ends QEMU with the thread that started it (setpriv --pdeathsig), so that thread lives
        as long as QEMU does: this one.
        """
        try:
            with self._errors.open("wb") as errors:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=inherited,
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        assert self._process.stdout is not None
        with self._process.stdout as output:
            self.console.read_from(output)
        self._process.kill()
        self._process.wait()

    def _start_failure(self) -> SetupError:
        said = self._errors.read_text(errors="replace").strip()
        if "failed to execute" in said:
            return missing_program(QEMU)
        return SetupError(f"QEMU did not start: {said or 'it said nothing'}")

    def _forwarded_port(self) -> int:
        # QEMU binds the port itself, asked for any free one, so that no other program can take it between.
        table = self.monitor.execute("human-monitor-command", command_line="info usernet")
        port = self._adbd_port
        found = re.search(rf"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+{port}\b", str(table))
        if not found:
            raise SetupError(f"QEMU does not show the port it forwards:\n{table}")
        return int(found[1])

    @property
    def monitor(self) -> Monitor:
        """QEMU's monitor."""
        assert self._monitor is not None
        return self._monitor

    @property
    def process_id(self) -> int:
        """The pid of QEMU."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether QEMU runs and its kernel has not panicked."""
        return self.console.panic is None and self._keeper.is_alive()

    def why_lost(self) -> str:
        """What ended the machine, with the last lines of its console."""
        if self.console.panic:
            reason = "the device's kernel panicked"
        elif not self._keeper.is_alive():
            said = self._errors.read_text(errors="replace").strip()
            reason = f"QEMU ended{': ' + said if said else ''}"
        else:
            reason = "the device is silent"
        kept = keep_log(self.console.log)
        return f"{reason}. Its last console lines (all of them: {kept}):\n{self.console.tail()}"

    def wait_until_ready(self, *, since: int = 0, deadline: Deadline) -> None:
        """Wait for the console line with which the device says that adbd listens.

        Raises DeviceLostError when the machine ends before, or says nothing to that effect in time.
        """
        try:
            ready = self.console.wait_for(READY, since=since, deadline=deadline)
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}: {self.why_lost()}") from error
        if ready is None:
            raise DeviceLostError(self.why_lost())

    def reset(self) -> None:
        """Press the reset button."""
        self.ports.abandon()
        self.monitor.execute("system_reset")

    def close(self) -> None:
        """End QEMU and wait for that; closing twice does nothing."""
        with contextlib.suppress(OSError):
            if self._process is not None:
                self._process.kill()
        self._keeper.join()
        self.ports.close()
        if self._monitor is not None:
            self._monitor.close()


def qemu_command(hardware: Hardware, monitor: str, adb_port: int = 0, ports: Sequence[int] = ()) -> list[str]:
    """The command that starts QEMU, its console on standard output, its monitor on the device `monitor`.

    `monitor` has the id `monitor` (qemu(1), -chardev); `ports` are open sockets for virtio-serial.
    """
    return [
        QEMU,
        *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
        *("-machine", "q35", "-accel", ACCELERATORS[hardware.acceleration]),
        *("-cpu", "host" if hardware.acceleration == "kvm" else "max"),
        *("-smp", str(hardware.processors), "-m", f"{hardware.memory_mib}M"),
        *_boot(hardware),
        *(word for disk in hardware.disks for word in _drive(disk)),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-netdev", f"user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:{adb_port}-:{hardware.adbd_port}"),
        *("-device", "virtio-net-pci,netdev=network"),
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
        # One port more, for a console, cannot be used by others.
        yield from ("-device", f"virtio-serial-pci,max_ports={len(ports) + 1}")
    for number, port in enumerate(ports):
        yield from ("-chardev", f"socket,id=port{number},fd={port}")
        yield from ("-device", f"virtserialport,chardev=port{number}")


def _value(file: Path) -> str:
    # A comma ends a value, and a doubled one stands for itself (qemu(1), -drive).
    return str(file).replace(",", ",,")
