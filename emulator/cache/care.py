"""What the cache holds, for its owner: how much of what, and its removal, but for what runs use."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from emulator.base.errors import HarnessError
from emulator.base.lock_file import lock_file, take
from emulator.cache.run_directory import sweep
from emulator.cache.store import FILLING, MANIFEST, cache_root, in_use, lock_path, remove

BLOCK = 512
"""Bytes in which stat(2) counts what a file takes."""
KEY = 17
"""Characters of an entry's name that are its key, and the hyphen before."""
OTHERS = (
    "acceleration.json",
    "apt-*",  # lists of packages
    "files",  # put here by other machines, for devices that run here
    "lost-devices",  # logs
    "pytest",  # what failed last
    "zig",  # the compiler's own cache
    ".build-*",
    ".*.partial",
    ".*.removed",
)
"""What there is beside entries, directories of runs, and locks."""
STARTED_FROM_AFAR = "run-*"
"""Where another machine has something run here, its directory."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The entries of one name."""

    name: str
    entries: int
    in_use: int
    """How many of them living processes have asked for."""
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


def kinds() -> list[Kind]:
    """What entries there are, the largest kind first."""
    found: dict[str, list[Path]] = {}
    for entry in entries():
        found.setdefault(entry.name[:-KEY], []).append(entry)
    described = [
        Kind(
            name,
            len(named),
            sum(map(in_use, named)),
            sum(map(weight, named)),
            datetime.fromtimestamp(max(map(_last_used, named))),
        )
        for name, named in found.items()
    ]
    return sorted(described, key=lambda kind: kind.size, reverse=True)


def weight(path: Path) -> int:
    """How many bytes a directory and all below it take on the disk."""
    size = 0
    # Path.rglob raises where another run removes a directory meanwhile; os.walk goes on.
    for directory, directories, files in os.walk(path):
        for name in (*directories, *files):
            with contextlib.suppress(FileNotFoundError):
                size += Path(directory, name).lstat().st_blocks * BLOCK
    return size


def clear() -> None:
    """Remove all but what living runs use; what is none of ours stays as well.

    Raises HarnessError while another run fills the cache.
    """
    with lock_file(lock_path(FILLING), _take_at_once):
        for entry in entries():
            remove(entry)
        for pattern in OTHERS:
            for path in cache_root().glob(pattern):
                if path.name != "files" or not any(cache_root().glob(STARTED_FROM_AFAR)):
                    _remove(path)
        sweep()


def _take_at_once(lock: IO[str]) -> None:
    if not take(lock):
        raise HarnessError("Another run is filling the cache, or clearing it: try again when it has ended.")


def _last_used(entry: Path) -> float:
    with contextlib.suppress(FileNotFoundError):  # another run is at it
        return entry.stat().st_mtime
    return 0.0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
