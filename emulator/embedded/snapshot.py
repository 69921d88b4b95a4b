"""Starts a device in the state of one that has just booted, which takes a tenth of a second.

A snapshot consists of a file with the machine's memory, a file with all other state, and a list of the
programs that run on its ports and wait for use. It is taken when the machine is idle after its boot: under
emulation, code that first runs after a restore is slow. Restored machines map the memory copy-on-write: the
file stays unchanged, they share unmodified pages, and pages that they do not touch are never read.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from emulator.base.command import missing_program
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, TimeLimitError
from emulator.base.progress import report
from emulator.cache.run_directory import run_directory
from emulator.cache.store import entry, fingerprint, keep_newest
from emulator.embedded.qemu import machine as recipe
from emulator.embedded.qemu.machine import Hardware, Machine, Memory, qemu_command
from emulator.embedded.qemu.virtio_serial import WaitingProgram

BOOT_SECONDS = 120.0
SAVE_SECONDS = 60.0
SETTLE_SECONDS = 5.0
"""The longest wait for a booted machine to become idle; its snapshot is then taken anyway."""
IDLE_POLL_SECONDS = 0.2
IDLE = 0.1
"""The largest processor load of an idle machine, which has to keep time, for example."""
RESTORE_SECONDS = 10.0
"""Far more than a restore takes on a busy machine: a longer one has failed."""
KEPT = 12
"""Snapshots that stay in the cache in addition to a new one, of about 100 MB each: those used last.

The usual matrix has six devices.
"""
IGNORE_SHARED = "x-ignore-shared"
"""Leaves memory in shared files out of the migration stream (QEMU, qapi/migration.json)."""


class UnusableSnapshotError(HarnessError):
    """A snapshot did not restore, though QEMU runs and the deadline has not passed."""


@dataclass(frozen=True)
class Snapshot:
    """A saved machine."""

    hardware: Hardware
    memory: Path
    state: Path
    console: Path
    waiting: Path

    def restore(self, directory: Path, *, adb_port: int = 0, deadline: Deadline) -> Machine:
        """A machine that continues where the saved one stopped, with the current time and new random numbers.

        Raises SetupError where QEMU does not start, and what `resume` raises.
        """
        shutil.copyfile(self.console, directory / "console.log")
        memory = Memory(self.memory, shared=False)
        machine = Machine(self.hardware, directory, adb_port=adb_port, memory=memory, incoming=True)
        self.resume(machine, deadline)
        return machine

    def resume(self, machine: Machine, deadline: Deadline) -> None:
        """Load the saved state into a machine that waits for it, and run the machine; close it on failure.

        Raises UnusableSnapshotError, or after the deadline whatever failed.
        """
        within = deadline.within(RESTORE_SECONDS)
        try:
            _adopt(machine, self.waiting)
            with self.state.open("rb") as state:
                _migrate(machine, "migrate-incoming", state, within)
            machine.monitor.execute("cont")
            machine.ports.wake(within)
        except BaseException as error:
            machine.close()
            if isinstance(error, HarnessError | OSError) and not deadline.expired:
                raise UnusableSnapshotError(str(error)) from error
            raise


def restored_machine(
    hardware: Hardware, directory: Path, *, adb_port: int = 0, deadline: Deadline
) -> Machine | None:
    """A machine restored from the snapshot for its hardware, which is made if it does not exist.

    A snapshot that does not restore is made again, once. None, after a progress message, where that fails.
    Raises TimeLimitError at the deadline, SetupError where QEMU does not start.
    """
    for remedy in ("making it again", "booting instead"):
        try:
            snapshot = snapshot_of(hardware, deadline)
        except (HarnessError, OSError) as error:
            deadline.check(f"a snapshot of the device ({error})")
            report(f"A snapshot of the device cannot be made; booting instead.\n{error}")
            return None
        try:
            return snapshot.restore(directory, adb_port=adb_port, deadline=deadline)
        except UnusableSnapshotError as error:
            report(f"The device's snapshot does not restore; {remedy}.\n{error}")
            shutil.rmtree(snapshot.memory.parent, ignore_errors=True)
    return None


def snapshot_of(hardware: Hardware, deadline: Deadline | None = None) -> Snapshot:
    """The snapshot of a device with this hardware: from the cache, or made now by booting it.

    Making it takes at most BOOT_SECONDS and SAVE_SECONDS, or until `deadline`.
    """

    def build(target: Path) -> None:
        keep_newest("snapshot", KEPT)
        _save(hardware, target, deadline or Deadline(BOOT_SECONDS + SAVE_SECONDS))

    directory = entry("snapshot", snapshot_key(hardware), build)
    return Snapshot(
        hardware,
        directory / "memory",
        directory / "state",
        directory / "console.log",
        directory / "waiting.json",
    )


def snapshot_key(hardware: Hardware) -> str:
    """A key for everything that the saved state depends on; the paths of kernel and image hold their keys."""
    name = hardware.architecture.qemu_program
    program = Path(shutil.which(name) or name).resolve()
    if not program.exists():
        raise missing_program(name)
    status = program.stat()
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    processor = {line for line in cpuinfo if line.startswith(("model name", "flags"))}
    return fingerprint(
        repr(hardware),
        *qemu_command(hardware, "monitor"),
        f"{program} {status.st_size} {status.st_mtime_ns}",
        *sorted(processor),
        Path(recipe.__file__),
        Path(__file__),
    )


def _save(hardware: Hardware, directory: Path, deadline: Deadline) -> None:
    memory = Memory(directory / "memory", shared=True)
    with (
        run_directory() as private,
        (directory / "state").open("wb") as state,
        Machine(hardware, private, memory=memory) as machine,
    ):
        machine.wait_until_ready(deadline.within(BOOT_SECONDS))
        waiting = [machine.ports.start_waiting(arguments, deadline) for arguments in hardware.waiting]
        _write_waiting(directory / "waiting.json", waiting)
        _settle(machine, deadline.within(SETTLE_SECONDS))
        machine.monitor.execute("stop")
        _migrate(machine, "migrate", state, deadline.within(SAVE_SECONDS))
        shutil.copyfile(machine.console.log, directory / "console.log")


def _settle(machine: Machine, deadline: Deadline) -> None:
    """Wait until the machine is idle or the deadline has passed."""
    busy = -math.inf

    def idle() -> bool:
        nonlocal busy
        before, busy = busy, machine.processor_seconds()
        return busy - before < IDLE * IDLE_POLL_SECONDS

    with contextlib.suppress(TimeLimitError):
        deadline.poll(idle, "the machine to be idle", interval=IDLE_POLL_SECONDS)


def _write_waiting(file: Path, waiting: Sequence[WaitingProgram]) -> None:
    file.write_text(json.dumps([asdict(each) for each in waiting], default=bytes.hex))


def _adopt(machine: Machine, waiting: Path) -> None:
    try:
        machine.ports.adopt(_read_waiting(waiting))
    except (ValueError, TypeError, LookupError) as error:
        raise UnusableSnapshotError(f"{waiting} does not list the programs that wait: {error}") from error


def _read_waiting(file: Path) -> list[WaitingProgram]:
    return [
        WaitingProgram(
            tuple(each["arguments"]),
            each["port"],
            bytes.fromhex(each["boundary"]),
            bytes.fromhex(each["output"]),
        )
        for each in json.loads(file.read_text())
    ]


def _migrate(machine: Machine, command: str, state: IO[bytes], deadline: Deadline) -> None:
    """Save or load all state except the memory; SetupError where QEMU reports a failure."""
    capability = {"capability": IGNORE_SHARED, "state": True}
    machine.monitor.execute("migrate-set-capabilities", capabilities=[capability])
    machine.monitor.pass_file(state, "state")
    machine.monitor.execute(command, uri="fd:state")

    def finished() -> bool:
        if not machine.alive:
            raise DeviceLostError(machine.loss_reason())
        answer = machine.monitor.execute("query-migrate")
        assert isinstance(answer, dict)
        if answer.get("status") == "failed":
            raise SetupError(
                f"QEMU could not transfer the device's state: {answer.get('error-desc', 'no reason given')}."
            )
        return answer.get("status") == "completed"

    deadline.poll(finished, "QEMU to transfer the device's state", interval=0.002)
