"""Keeps what is slow to obtain (kernel, adbd, agents) under the user's cache, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import filelock

from emulator.errors import SetupError
from emulator.progress import say, step

MANIFEST = "MANIFEST.json"
ANOTHER_RUN_MAY_TAKE = 1800.0
"""Seconds that another run may spend building an entry this one waits for."""
BLOCK = 512
"""Bytes in which stat(2) counts what a file takes."""
UNUSED_DAYS = 30
"""How long an entry stays in whose place a newer one has come: another checkout may still use it."""


def cache_root() -> Path:
    """Where all entries are: $BINDER_HARNESS_CACHE, or binder-harness in the user's cache directory."""
    chosen = os.environ.get("BINDER_HARNESS_CACHE")
    if chosen:
        root = Path(chosen).absolute()
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "binder-harness"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The cache directory {root} cannot be made: {error.strerror}. "
            "Set BINDER_HARNESS_CACHE to a directory that can be written."
        ) from error
    return root


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
    """The directory of the entry `name` for `key`, built by `build(directory)` when it is not there.

    What `build` leaves in the directory is listed with its SHA-256 and checked at every use; a file that
    the file system says has not changed since it was last hashed is not hashed again. A damaged entry is
    built again. An interrupted build leaves nothing that a later run would take for an entry, and two
    runs never build the same entry at once: the second waits.

    `name` may hold a version for the reader's benefit; only `key`, a fingerprint of everything that the
    content depends on, tells entries apart. A new entry has those removed whose name differs in numbers at
    most, and that no run has used for 30 days.
    """
    root = cache_root()
    final = root / f"{name}-{key[:16]}"
    if _used(final) and _intact(final):
        return final
    with locked(root / f".{final.name}.lock", name):
        if _intact(final):
            return final
        if final.exists():
            say(f"{final.name} in the cache is damaged and is built again")
            shutil.rmtree(final)
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
        partial.rename(final)
        _remove_unused(name)
    return final


def contents() -> tuple[int, int]:
    """How many entries the cache holds, and how many bytes all that it holds takes on the disk."""
    entries = size = 0
    # Path.rglob raises where another run removes a directory meanwhile; os.walk goes on.
    for directory, directories, files in os.walk(cache_root()):
        entries += MANIFEST in files
        for name in (*directories, *files):
            with contextlib.suppress(FileNotFoundError):
                size += Path(directory, name).lstat().st_blocks * BLOCK
    return entries, size


def keep_newest(name: str, count: int) -> None:
    """Remove all but the `count` entries of that name that were used last.

    A file in one of them that is open, or mapped, stays whole until it is closed.
    """
    used: dict[Path, int] = {}
    for directory in cache_root().glob(f"{name}-*"):
        with contextlib.suppress(FileNotFoundError):  # another run is at it, too
            used[directory] = directory.stat().st_mtime_ns
    for directory in sorted(used, key=used.__getitem__)[:-count]:
        shutil.rmtree(directory, ignore_errors=True)


def _used(directory: Path) -> bool:
    """Mark an entry as used now; False where there is none."""
    try:
        os.utime(directory)
    except FileNotFoundError:
        return False
    return True


def _remove_unused(name: str) -> None:
    """Remove the entries like `name` that were not used for long, and what killed runs left of others.

    An entry that a run asks for at this very moment is marked as used before it is looked into, and comes
    back.
    """
    root = cache_root()
    like = re.compile(rf"{_pattern(name)}-[0-9a-f]{{16}}")
    before = time.time() - UNUSED_DAYS * 24 * 60 * 60
    for path in root.iterdir():
        with contextlib.suppress(OSError):  # another run is at it, too
            if path.stat().st_mtime >= before or not path.is_dir():
                continue
            if path.name.startswith("."):
                shutil.rmtree(path)
            elif like.fullmatch(path.name):
                removed = path.rename(root / f".{path.name}.removed")
                if removed.stat().st_mtime >= before:
                    removed.rename(path)
                    continue
                shutil.rmtree(removed)
                (root / f".{path.name}.lock").unlink(missing_ok=True)


def _pattern(name: str) -> str:
    """What matches the name in all its versions."""
    return r"\d+".join(map(re.escape, re.split(r"\d+", name)))


@contextlib.contextmanager
def locked(path: Path, name: str) -> Iterator[None]:
    """Hold a lock for a block: the second run waits, and says so. SetupError after half an hour."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        say(f"another run is at {name}: waiting for it")
        try:
            lock.acquire(timeout=ANOTHER_RUN_MAY_TAKE)
        except filelock.Timeout as error:
            raise SetupError(
                f"Another run has held the lock on {name} for {ANOTHER_RUN_MAY_TAKE:.0f} s. "
                f"End it (it holds {path}) and try again."
            ) from error
    try:
        yield
    finally:
        lock.release()


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
    # The kernel sets ctime at every change of a file, its owner cannot set it back.
    changed = [name for name, file in files.items() if file.stat().st_ctime_ns >= checked]
    if expected.keys() != files.keys() or any(_hash(files[name]) != expected[name] for name in changed):
        return False
    if changed:
        os.utime(manifest, ns=(now, now))
    return True
