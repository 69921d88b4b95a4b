"""Starts a device in the state of one that had just booted, which takes a tenth of a second.

A snapshot is a file that holds the machine's memory, one that holds the state of all else, and a list of the
programs that run on its ports and wait to be used. It is taken when the machine has nothing left to do of its
boot: where it is emulated, whatever runs for the first time after a restore is slow. Restored machines map
the memory copy on write: it stays as it is, they share what they do not change, and what they do not touch is
never read.
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
from emulator.embedded.qemu.board import BOARDS
from emulator.embedded.qemu.channel import Waiting
from emulator.embedded.qemu.machine import Hardware, Machine, Memory, qemu_command

BOOT_SECONDS = 120.0
SAVE_SECONDS = 60.0
SETTLE_SECONDS = 5.0
"""How long a machine that has booted may go on with something before its snapshot is taken all the same."""
LOOK_EVERY = 0.2
IDLE = 0.1
"""The part of the time in which a machine is busy that has nothing to do; it keeps time, for one."""
RESTORE_SECONDS = 10.0
"""Far more than a restore takes on a busy machine: one that takes longer has failed."""
KEPT = 8
"""Snapshots that stay in the cache beside a new one, of about 100 MB each: of the options used lately."""
IGNORE_SHARED = "x-ignore-shared"
"""Leaves memory in shared files out of the stream (QEMU, qapi/migration.json)."""


class UnusableSnapshotError(HarnessError):
    """A snapshot did not restore, though QEMU runs and there was time."""


@dataclass(frozen=True)
class Snapshot:
    """A saved machine."""

    hardware: Hardware
    memory: Path
    state: Path
    console: Path
    waiting: Path

    def restore(self, directory: Path, *, adb_port: int = 0, deadline: Deadline) -> Machine:
        """A machine that goes on where the saved one stopped, with a clock and random numbers of its own.

        Raises SetupError where QEMU does not start, and what `resume` does.
        """
        shutil.copyfile(self.console, directory / "console.log")
        memory = Memory(self.memory, shared=False)
        machine = Machine(self.hardware, directory, adb_port=adb_port, memory=memory, waits=True)
        self.resume(machine, deadline)
        return machine

    def resume(self, machine: Machine, deadline: Deadline) -> None:
        """Put a machine that waits into the saved state and have it run; it is closed where that fails.

        Raises UnusableSnapshotError where that is for the state's sake; otherwise HarnessError, OSError.
        """
        within = deadline.within(RESTORE_SECONDS)
        try:
            machine.ports.find_waiting(_read_waiting(self.waiting))
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
    """A machine restored from the snapshot of its kind, which is made if need be.

    One that does not restore is made anew, once. None, with a line of progress, where that does not help.
    Raises TimeLimitError at the deadline, SetupError where QEMU does not start.
    """
    for remedy in ("making it anew", "booting instead"):
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
    """The snapshot of a device made of this hardware: from the cache, or made now by booting it.

    That takes BOOT_SECONDS and SAVE_SECONDS at most, or until `deadline`.
    """

    def build(target: Path) -> None:
        keep_newest("snapshot", KEPT)
        _save(hardware, target, deadline or Deadline(BOOT_SECONDS + SAVE_SECONDS))

    directory = entry("snapshot", _key(hardware), build)
    return Snapshot(
        hardware,
        directory / "memory",
        directory / "state",
        directory / "console.log",
        directory / "waiting.json",
    )


def _key(hardware: Hardware) -> str:
    """Of all that the saved state depends on; the names of kernel and image hold their fingerprints."""
    name = BOARDS[hardware.architecture].program
    program = Path(shutil.which(name) or name).resolve()
    if not program.exists():
        raise missing_program(name)
    status = program.stat()
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    kinds = {line for line in processors if line.startswith(("model name", "flags"))}
    return fingerprint(
        repr(hardware),
        *qemu_command(hardware, "monitor"),
        f"{program} {status.st_size} {status.st_mtime_ns}",
        *sorted(kinds),
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
        waiting = [machine.ports.leave_waiting(words, deadline) for words in hardware.waiting]
        _write_waiting(directory / "waiting.json", waiting)
        _settle(machine, deadline.within(SETTLE_SECONDS))
        machine.monitor.execute("stop")
        _migrate(machine, "migrate", state, deadline.within(SAVE_SECONDS))
        shutil.copyfile(machine.console.log, directory / "console.log")


def _settle(machine: Machine, deadline: Deadline) -> None:
    """Wait until the machine is idle, or for no longer than `deadline`."""
    busy = -math.inf

    def idle() -> bool:
        nonlocal busy
        before, busy = busy, machine.processor_seconds()
        return busy - before < IDLE * LOOK_EVERY

    with contextlib.suppress(TimeLimitError):
        deadline.poll(idle, "the machine to be idle", interval=LOOK_EVERY)


def _write_waiting(file: Path, waiting: Sequence[Waiting]) -> None:
    file.write_text(json.dumps([asdict(each) for each in waiting], default=bytes.hex))


def _read_waiting(file: Path) -> list[Waiting]:
    return [
        Waiting(
            tuple(each["words"]),
            each["port"],
            bytes.fromhex(each["boundary"]),
            bytes.fromhex(each["output"]),
        )
        for each in json.loads(file.read_text())
    ]


def _migrate(machine: Machine, command: str, state: IO[bytes], deadline: Deadline) -> None:
    """Have the state go out or come in, all but the memory; SetupError when QEMU says that it failed."""
    capability = {"capability": IGNORE_SHARED, "state": True}
    machine.monitor.execute("migrate-set-capabilities", capabilities=[capability])
    machine.monitor.lend(state, "state")
    machine.monitor.execute(command, uri="fd:state")

    def finished() -> bool:
        if not machine.alive:
            raise DeviceLostError(machine.loss_reason())
        answer = machine.monitor.execute("query-migrate")
        assert isinstance(answer, dict)
        if answer.get("status") == "failed":
            raise SetupError(f"QEMU gave up: {answer.get('error-desc', 'it does not say why')}.")
        return answer.get("status") == "completed"

    deadline.poll(finished, "the device's state", interval=0.002)
