"""Keeps what is slow to obtain (kernel, adbd, agents) under the user's cache, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, TimeLimitError
from emulator.base.lock_file import is_at, lock_file, open_locked, open_regular, take
from emulator.base.progress import report, step
from emulator.cache.room import room_in
from emulator.cache.root import cache_root

MANIFEST = "MANIFEST.json"
ANOTHER_RUN_MAY_TAKE = 1800.0
"""Seconds for which this run waits while another one builds an entry."""
UNUSED_DAYS = 30
"""How long an unused entry stays after a newer one has replaced it: another checkout may still use it."""
KEPT = 16
"""How many entries with one name stay at most: each change of a source makes another."""
LOCKS = "locks"
FILLING = "filling"
"""The name of the lock that runs share while they fill the cache; clearing the cache takes it exclusively."""

_held: dict[Path, IO[str]] = {}
"""The locked manifests of the entries that this process uses: no other process removes such an entry."""


def fingerprint(*parts: str | bytes | Path) -> str:
    """A hash over strings, bytes and file contents (a directory: all files below it, with their names)."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
    return digest.hexdigest()


def _pieces(part: str | bytes | Path) -> Iterable[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif isinstance(part, bytes):
        yield part
    elif part.is_dir():
        for file in sorted(part.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield str(file.relative_to(part)).encode()
                yield file.read_bytes()
    else:
        yield part.read_bytes()


def entry(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """The directory of the entry `name` for `key`, built by `build(directory)` where it does not exist.

    A manifest lists the SHA-256 of each file that `build` makes. Every use checks them, but hashes only files
    that the file system shows as changed since the last check; a damaged entry is built again. An interrupted
    build leaves nothing that a later run would use. Two runs never build the same entry at once: the second
    waits.

    `name` may hold a version, for readers; only `key`, a fingerprint of everything that the content depends
    on, distinguishes entries. A new entry replaces others whose names differ only in numbers: the 16 used
    last stay, unless they were unused for 30 days. An entry that a running process uses stays in any case.
    """
    with room_in(cache_root()):
        return _entry(name, key, build)


def _entry(name: str, key: str, build: Callable[[Path], None]) -> Path:
    root = cache_root()
    final = root / f"{name}-{key[:16]}"
    if _hold(final) and _intact(final):
        return final
    with locked(final.name, name):
        if _hold(final) and _intact(final):
            return final
        if final.exists():
            report(f"{final.name} in the cache is damaged and is built again")
            _discard(final)  # while locked: another process that removes it must not remove its successor
            _release(final)
        partial = root / f".{final.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        try:
            with step(f"preparing {name}"):
                build(partial)
            _write_manifest(partial)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        # Locked before others can see it, so that none removes it.
        _held[final] = open_locked(partial / MANIFEST, _wait_for_removal, mode="r+")
        partial.rename(final)
        _remove_unused(name)
    return final


def keep_newest(name: str, count: int) -> None:
    """Remove all but the `count` entries with that name that were used last.

    Files in them that are open or mapped stay intact until they are closed.
    """
    used: dict[Path, int] = {}
    for directory in cache_root().glob(f"{name}-*"):
        with contextlib.suppress(FileNotFoundError):  # another run removes it, too
            used[directory] = directory.stat().st_mtime_ns
    for directory in sorted(used, key=used.__getitem__)[:-count]:
        _discard(directory)


def remove(directory: Path) -> None:
    """Remove an entry unless a running process uses it."""
    manifest = directory / MANIFEST
    with contextlib.suppress(FileNotFoundError), open_regular(manifest, "r+") as file:
        if take(file) and is_at(manifest, file):
            _discard(directory)


def remove_path(path: Path) -> None:
    """Remove a file, or a directory with everything below it; what cannot be removed stays."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def in_use(directory: Path) -> bool:
    """Whether a running process uses an entry."""
    with contextlib.suppress(FileNotFoundError), open_regular(directory / MANIFEST, "r+") as file:
        return not take(file)
    return False


def _discard(directory: Path) -> None:
    """Remove an entry atomically: others find all of it or nothing."""
    removed = directory.with_name(f".{directory.name}.removed")
    shutil.rmtree(removed, ignore_errors=True)  # left behind by a killed run
    with contextlib.suppress(OSError):  # another run removes it, too
        shutil.rmtree(directory.rename(removed))


def _hold(directory: Path) -> bool:
    """Mark an entry as used now and keep it until this process ends; False where there is none."""
    manifest = directory / MANIFEST
    if directory in _held and not is_at(manifest, _held[directory]):  # it was removed, for example as damaged
        _release(directory)
    try:
        if directory not in _held:
            _held[directory] = open_locked(manifest, _wait_for_removal, mode="r+")
        os.utime(directory)
    except FileNotFoundError:
        return False
    return True


def _release(directory: Path) -> None:
    if directory in _held:
        _held.pop(directory).close()


def _wait_for_removal(manifest: IO[str]) -> None:
    _wait(manifest, "a cache entry", "removing a cache entry", shared=True)


def _remove_unused(name: str) -> None:
    """Remove entries like `name` that are too many or too old, and what killed runs left behind."""
    like = re.compile(rf"{_pattern(name)}-[0-9a-f]{{16}}")
    before = time.time() - UNUSED_DAYS * 24 * 60 * 60
    used: dict[Path, float] = {}
    for path in cache_root().iterdir():
        with contextlib.suppress(OSError):  # another run removes it, too
            if like.fullmatch(path.name):
                used[path] = path.stat().st_mtime
            elif path.name.startswith(".") and path.stat().st_mtime < before:
                remove_path(path)
    for position, path in enumerate(sorted(used, key=used.__getitem__, reverse=True)):
        if position >= KEPT or used[path] < before:
            remove(path)


def _pattern(name: str) -> str:
    """A pattern for the name with any version in it."""
    return r"\d+".join(map(re.escape, re.split(r"\d+", name)))


def lock_path(name: str) -> Path:
    """The lock file for whatever `name` names."""
    return lock_directory() / f"{urllib.parse.quote(name, safe='')}.lock"


def lock_directory() -> Path:
    """Where lock files are; `remove_unheld` may remove those that nobody holds at any time."""
    directory = cache_root() / LOCKS
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


@contextlib.contextmanager
def locked(name: str, what: str) -> Iterator[None]:
    """Hold the lock `name` while filling a part of the cache, which `what` describes to users.

    A second run waits and reports that. Raises SetupError after half an hour.
    """

    def wait_to_fill(lock: IO[str]) -> None:
        _wait(lock, "the cache", "cleared by another run", shared=True)

    def wait_for_it(lock: IO[str]) -> None:
        _wait(lock, what, "prepared for another device or run")

    filling = lock_path(FILLING)
    with open_locked(filling, wait_to_fill) as shared:
        try:
            with lock_file(lock_path(name), wait_for_it):
                yield
        finally:
            if take(shared) and is_at(filling, shared):  # nobody else shares it
                filling.unlink()


def _wait(lock: IO[str], what: str, doing: str, *, shared: bool = False) -> None:
    if take(lock, shared=shared):
        return
    report(f"{what} is being {doing}; waiting for it")
    try:
        deadline = Deadline(ANOTHER_RUN_MAY_TAKE)
        deadline.poll(lambda: take(lock, shared=shared), what, interval=0.05)
    except TimeLimitError as error:
        raise SetupError(
            f"Another run has held the lock on {what} for {ANOTHER_RUN_MAY_TAKE:.0f} s. "
            f"End that run, which holds {lock.name}, and try again."
        ) from error


def _files(directory: Path) -> dict[str, Path]:
    return {
        str(file.relative_to(directory)): file
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not file.is_symlink() and file.name != MANIFEST
    }


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write_manifest(directory: Path) -> None:
    hashes = {name: _hash(file) for name, file in _files(directory).items()}
    (directory / MANIFEST).write_text(json.dumps(hashes, indent=1))


def _intact(directory: Path) -> bool:
    manifest = directory / MANIFEST
    now = time.time_ns()
    try:
        checked = manifest.stat().st_mtime_ns
        expected = json.loads(manifest.read_text())
    except (OSError, ValueError):
        return False
    if not isinstance(expected, dict):
        return False
    files = _files(directory)
    # The kernel sets ctime at every change of a file; its owner cannot reset it.
    changed = [name for name, file in files.items() if file.stat().st_ctime_ns >= checked]
    if expected.keys() != files.keys() or any(_hash(files[name]) != expected[name] for name in changed):
        return False
    if changed:
        os.utime(manifest, ns=(now, now))
    return True
