"""What belongs to one round of the soak, whoever else runs this project on the machine at the same time."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from emulator.cache.maintenance import OTHERS
from emulator.cache.store import MANIFEST
from tests.support.processes import has_ended

MARK = "BINDER_HARNESS_SOAK"
"""The variable whose value every process of a round inherits."""
KEPT = ("locks", "runs", *(name for name in OTHERS if not name.startswith(".")))
"""What a cache holds between runs, beside its entries."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a round."""

    process_id: int
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of what it runs."""
        return Path(self.command[0]).name if self.command else ""

    def __str__(self) -> str:
        return f"{self.process_id}: {' '.join(self.command)[:200]}"

    def send(self, sent: signal.Signals) -> bool:
        """Send it a signal; whether it was there to get it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process_id, sent)
            return True
        return False


def processes(mark: str) -> Iterator[Process]:
    """The running processes with this mark; not those that have ended and wait to be collected."""
    wanted = f"{MARK}={mark}".encode()
    for directory in Path("/proc").iterdir():
        if not directory.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            if wanted not in (directory / "environ").read_bytes().split(b"\0"):
                continue
            command = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            if not has_ended(int(directory.name)):
                yield Process(int(directory.name), tuple(command))


def end(left: Iterable[Process]) -> None:
    """Kill what a round left, so that the next one is not blamed for it."""
    for process in left:
        process.send(signal.SIGKILL)


def left_in_cache(cache: Path) -> Iterator[str]:
    """The locks, run directories and half-made entries in a cache that nothing uses."""
    for name in ("locks", "runs"):
        with contextlib.suppress(FileNotFoundError):
            yield from (f"{name}/{path.name}" for path in sorted((cache / name).iterdir()))
    for path in sorted(cache.iterdir()):
        if any(fnmatch(path.name, kept) for kept in KEPT):
            continue
        if path.name.startswith(".") or not (path / MANIFEST).is_file():
            yield path.name
