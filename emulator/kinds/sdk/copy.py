"""A private copy of an AVD, so that no emulator of ours ever opens the user's files for writing.

The emulator's `-read-only` does not protect an AVD: where its read-snapshot.txt names another snapshot than
the one asked for (and default_boot is asked for when none is), the disks are opened for writing and rolled
back to that snapshot (platform/external/qemu, android-qemu2-glue/drive-share.cpp, android_drive_share_init
and drive_init); a snapshot that does not load may be deleted (snapshot/Quickboot.cpp, decideFailureReport
and onLivenessTimer). In the copy both may happen.

What has to stay and what has to change, from the same sources:

- The name stays: snapshots are refused where `avd.name` differs (snapshot/Snapshot.cpp, areHwConfigsEqual).
- version_num.cache stays: without it all qcow2 disks are made anew, empty (drive-share.cpp,
  parseQemuOptForQcow2).
- hardware-qemu.ini, which holds absolute paths, is written at each start, and locks and read-snapshot.txt
  belong to the original.
- Disks of qcow2 name what lies below them relative to themselves (drive-share.cpp, parseQemuOptForQcow2),
  so that a plain copy lies on the copied image.
- In the two ini files, paths into the AVD become paths into the copy; a card image elsewhere is copied,
  too.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.base.command import script
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.progress import step
from emulator.host.host import Host, on
from emulator.kinds.sdk.avd import CONFIG, Avd, avd_below, ini_text

COPIED_WITHIN = 1800.0
"""Many gigabytes, on a file system that copies them whole."""
REMOVED_WITHIN = 60.0
LOCKED_WITHIN = 30.0
LOCK = "multiinstance.lock"
"""In an AVD: the emulator that may write to it holds it with flock(2) alone, those with `-read-only` share it
(multi-instance.cpp, initInstanceShareMode; base/files/FileShareOpen.cpp, fsopen)."""
WRITABLE_ELSEWHERE = ("sdcard.path", "hw.sdCard.path")
"""Keys of config.ini that may name a disk outside the AVD (avd/keys.h, SDCARD_PATH)."""

HOLD = "echo held; exec sleep infinity"
# $1: a file; $2: its content.
WRITE = 'printf %s "$2" > "$1"'


@dataclass(frozen=True, slots=True)
class AvdCopy:
    """A copy of an AVD in a directory of ours, made anew by each call of `make`."""

    host: Host
    avd: Avd
    home: str
    """For ANDROID_AVD_HOME: it holds NAME.ini and NAME.avd, and nothing else."""
    snapshot: str = ""
    """The snapshot that is to be started from; without one, none is copied."""
    overlays: str | None = None
    """The qemu-img that makes disks that hold only what differs from the original's; None to copy them whole.

    With a snapshot they are copied in any case: qcow2 keeps it inside the disk, where an overlay has none.
    """

    @property
    def directory(self) -> str:
        """The copy's content."""
        return f"{self.home}/{self.avd.name}.avd"

    def make(self) -> Avd:
        """Make it, or replace it by a new one: for half an hour at most. SetupError where that fails."""
        with step(f"copying the AVD {self.avd.name}"):
            disks = (self.snapshot, self.overlays or "")
            self._run(script(__file__, "copy.sh", self.avd.directory, self.directory, *disks))
            self._write(f"{self.home}/{self.avd.name}.ini", ini_text(self._ini()))
            self._write(f"{self.directory}/{CONFIG}", ini_text(self._config()))
        return avd_below(self.host, self.avd.name, [self.home])

    def made(self) -> Avd | None:
        """The copy, where an earlier run has made it and kept it."""
        try:
            return avd_below(self.host, self.avd.name, [self.home])
        except SetupError:
            return None

    def _ini(self) -> dict[str, str]:
        kept = {key: value for key, value in self.avd.ini.items() if key != "path.rel"}
        return {**kept, "path": self.directory}

    def _config(self) -> dict[str, str]:
        config = {key: self._moved(value) for key, value in self.avd.config.items()}
        for key in WRITABLE_ELSEWHERE:
            file = config.get(key, "")
            if posixpath.isabs(file) and file == self.avd.config[key]:  # not in the AVD
                config[key] = f"{self.directory}/{key}.img"
                self._run(["cp", "--reflink=auto", "--sparse=always", "--", file, config[key]])
        return config

    def _moved(self, value: str) -> str:
        """A value of config.ini, with a path into the AVD, in either spelling, as one into the copy."""
        for original in (self.avd.directory, self.avd.ini.get("path", "")):
            if original and (value == original or value.startswith(f"{original}/")):
                return self.directory + value.removeprefix(original)
        return value

    def _write(self, file: str, text: str) -> None:
        self._run(["sh", "-c", WRITE, "sh", file, text])

    def _run(self, command: Sequence[str]) -> None:
        finished = self.host.run(command, deadline=Deadline(COPIED_WITHIN))
        if finished.status != 0:
            raise SetupError(
                f"The AVD {self.avd.name} cannot be copied to {self.home}{on(self.host)}: cp "
                f"{finished.failure(COPIED_WITHIN)}. {finished.errors.strip()}\nA run never starts an AVD in "
                "place; free some space, or set BINDER_HARNESS_CACHE to a directory on a larger disk."
            )


@contextlib.contextmanager
def held_unchanged(host: Host, avd: Avd, log: Path) -> Iterator[None]:
    """Keep the user's emulators from writing to an AVD for a block, as one of them with `-read-only` would.

    Other runs may hold it, too. HarnessError where an emulator runs it that may write to it.
    """
    lock = f"{avd.directory}/{LOCK}"
    flock = ["flock", "--shared", "--nonblock", lock]
    holder = host.start([*flock, "sh", "-c", HOLD], log)
    with contextlib.closing(holder):
        if holder.console.wait_for("held", deadline=Deadline(LOCKED_WITHIN)) is None:
            why = holder.console.tail(3) or "an emulator runs it"
            raise HarnessError(
                f"The AVD {avd.name} is in use{on(host)}: {why}. End that emulator, or use it as it is: "
                f"`binder-harness devices` shows it."
            )
        yield


@contextlib.contextmanager
def removed_at_the_end(host: Host, directory: str) -> Iterator[None]:
    """Remove a directory of the host after a block, and when we end without leaving it."""
    cleanup = host.cleanup_command(["rm", "-rf", "--", directory])
    try:
        yield
    finally:
        cleanup.execute(Deadline(REMOVED_WITHIN))
