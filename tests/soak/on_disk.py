"""Faults of files: a cache that is damaged, read-only or full, and nowhere to put temporary files."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable
from pathlib import Path

from emulator.cache.maintenance import disk_usage
from tests.soak.place import copy
from tests.soak.round import Round

REBUILT_QUICKLY = ("channel_server-", "image-", "init-", "snapshot-", "syscall_agent-")
"""The entries of the cache that are damaged: all are checked alike, but some take minutes to make."""
ROOM = 4 << 20
"""Bytes that a copy of the cache may take in addition: a file system counts whole pages."""
FULL = "size=64k"


def damage(change: Callable[[Round, Path], None]) -> Callable[[Round], None]:
    """Damage one to three files of the cache before the run."""

    def prepare(this: Round) -> None:
        files = [
            file
            for entry in sorted(this.place.cache.iterdir())
            if entry.name.startswith(REBUILT_QUICKLY)
            for file in sorted(entry.rglob("*"))
            if file.is_file()
        ]
        for file in this.random.sample(files, this.random.randint(1, 3)):
            change(this, file)

    return prepare


def flip(this: Round, file: Path) -> None:
    """Change one bit of a file."""
    with file.open("r+b") as opened:
        offset = this.random.randrange(max(1, file.stat().st_size))
        opened.seek(offset)
        byte = opened.read(1) or b"\0"
        opened.seek(offset)
        opened.write(bytes([byte[0] ^ 1 << this.random.randrange(8)]))


def cut(this: Round, file: Path) -> None:
    """Shorten a file."""
    with file.open("r+b") as opened:
        opened.truncate(this.random.randrange(max(1, file.stat().st_size)))


def remove(_: Round, file: Path) -> None:
    """Remove a file."""
    file.unlink()


def read_only_cache(this: Round) -> None:
    """Mount the cache again, read-only."""
    _mount(this, "--bind", this.place.cache, this.place.cache)
    subprocess.run(["mount", "-o", "remount,bind,ro", this.place.cache], check=True)


def full_cache(this: Round) -> None:
    """Put a copy of the cache on a file system that has no more room."""
    original = this.place.cache.with_name("original")
    this.place.cache.rename(original)
    this.undo.callback(original.rename, this.place.cache)
    this.place.cache.mkdir()
    this.undo.callback(this.place.cache.rmdir)
    size = disk_usage(original) + ROOM
    _mount(this, "-t", "tmpfs", "-o", f"size={size}", "none", this.place.cache)
    for entry in original.iterdir():
        copy(entry, this.place.cache / entry.name)
    _fill(this.place.cache / "all that is left")


def full_temporary(this: Round) -> None:
    """Mount a full file system where temporary files go."""
    _mount(this, "-t", "tmpfs", "-o", FULL, "none", this.place.temporary)
    _fill(this.place.temporary / "all that is left")


def _mount(this: Round, *words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)
    this.undo.callback(subprocess.run, ["umount", "--lazy", words[-1]], check=True)


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as opened:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    opened.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
