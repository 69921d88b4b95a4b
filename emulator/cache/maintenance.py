"""Shows what the cache holds, and how much of it, and removes what no run uses."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from emulator.base.errors import HarnessError
from emulator.base.lock_file import lock_file, take
from emulator.cache.root import cache_root
from emulator.cache.run_directory import sweep
from emulator.cache.store import FILLING, MANIFEST, in_use, lock_path, remove, remove_path

BLOCK = 512
"""The unit of st_blocks (stat(2)), in bytes."""
KEY = 17
"""The length of the key at the end of an entry's name, with the hyphen before it."""
OTHERS = (
    "acceleration.json",
    "apt-*",  # lists of packages
    "bench-*.json",  # the benchmarks' figures of this machine
    "booted-avds",  # copies of AVDs after their first boot
    "files",  # copied here by other machines, for devices that run here
    "lost-devices",  # logs
    "pytest",  # last failures
    "zig",  # the compiler's own cache
    ".build-*",
    ".*.partial",
    ".*.removed",
)
"""What the cache holds in addition to entries, run directories and locks."""
REMOTE_RUNS = "run-*"
"""The directories of devices that other machines run here."""


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """The entries with one name."""

    name: str
    entries: int
    in_use: int
    """How many of them running processes use."""
    size: int
    """Bytes on the disk."""
    last_used: datetime


def entries() -> list[Path]:
    """The directories of all entries."""
    return [
        path
        for path in sorted(cache_root().iterdir())
        if (path / MANIFEST).is_file() and not path.name.startswith(".")
    ]


def entry_groups() -> list[EntryGroup]:
    """All entries, grouped by name, the largest group first."""
    by_name: dict[str, list[Path]] = {}
    for entry in entries():
        by_name.setdefault(entry.name[:-KEY], []).append(entry)
    groups = [
        EntryGroup(
            name,
            len(group),
            sum(map(in_use, group)),
            sum(map(disk_usage, group)),
            datetime.fromtimestamp(max(map(_last_used, group))),
        )
        for name, group in by_name.items()
    ]
    return sorted(groups, key=lambda group: group.size, reverse=True)


def disk_usage(path: Path) -> int:
    """How many bytes a directory and everything below it take on the disk."""
    size = 0
    # Path.rglob raises where another run removes a directory meanwhile; os.walk goes on.
    for directory, directories, files in os.walk(path):
        for name in (*directories, *files):
            with contextlib.suppress(FileNotFoundError):
                size += os.lstat(os.path.join(directory, name)).st_blocks * BLOCK
    return size


def clear() -> None:
    """Remove all that no run uses; files that are not of this project stay, too.

    Raises HarnessError while another run fills or clears the cache.
    """
    with lock_file(lock_path(FILLING), _take_or_fail):
        for entry in entries():
            remove(entry)
        for pattern in OTHERS:
            for path in cache_root().glob(pattern):
                if path.name != "files" or not any(cache_root().glob(REMOTE_RUNS)):
                    remove_path(path)
        sweep()


def _take_or_fail(lock: IO[str]) -> None:
    if not take(lock):
        raise HarnessError("Another run is filling the cache or clearing it. Try again when it has ended.")


def _last_used(entry: Path) -> float:
    with contextlib.suppress(FileNotFoundError):  # another run removes it
        return entry.stat().st_mtime
    return 0.0
