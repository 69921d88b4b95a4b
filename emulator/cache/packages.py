"""Debian packages and sources as raw material: downloaded and unpacked under the cache, never installed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.atomic_write import write_atomically
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.cache.package_index import PackageIndex, Suites, apt_directory, package_index
from emulator.cache.remedies import unpacking_remedy
from emulator.cache.scratch import scratch_directory

UNPACK_SECONDS = 300.0


def recorded_version(
    name: str, find: Callable[[PackageIndex], str | None], architecture: Architecture = DEFAULT
) -> str:
    """The version of `name` that this machine uses: found in the index once, then recorded.

    With the record, later runs need no network and use the same kernel; removing the files `versions.json`
    from the cache moves everything to its newest version. Raises SetupError where the index has no such one.
    """
    found = version_in(name, find, architecture)
    if found is None:
        raise SetupError(
            f"This machine's apt sources offer no {name} for {architecture.debian_name}. Add Debian "
            "12 with its security and updates suites, which have it, to /etc/apt/sources.list.d."
        )
    return found


def version_in(
    name: str,
    find: Callable[[PackageIndex], str | None],
    architecture: Architecture = DEFAULT,
    suites: Suites = (),
    *,
    of_sources: bool = False,
) -> str | None:
    """As `recorded_version`, of some suites; None where their index has no such one."""
    record = apt_directory(architecture, suites, of_sources=of_sources) / "versions.json"
    if name not in _read_record(record):
        with package_index(architecture, suites, of_sources=of_sources) as index:
            versions = _read_record(record)  # another run may have added to it meanwhile
            found = versions.get(name) or find(index)
            if found is None:
                return None
            versions[name] = found
            write_atomically(record, json.dumps(versions, indent=1))
    return _read_record(record)[name]


def is_recorded(name: str, architecture: Architecture, suites: Suites = ()) -> bool:
    """Whether the version of `name` in some suites is known without reading their index."""
    return name in _read_record(apt_directory(architecture, suites) / "versions.json")


def _read_record(record: Path) -> dict[str, str]:
    """The recorded versions: none where the record does not exist or is damaged."""
    with contextlib.suppress(OSError, ValueError):
        versions = json.loads(record.read_text())
        if isinstance(versions, dict):
            return versions
    return {}


def forget_version(name: str, index: PackageIndex) -> None:
    """Remove a recorded version that the index no longer has, so that the next use finds another."""
    record = index.root / "versions.json"
    versions = _read_record(record)
    versions.pop(name, None)
    write_atomically(record, json.dumps(versions, indent=1))


def unpack(
    record: str,
    packages: Sequence[str],
    directory: Path,
    architecture: Architecture = DEFAULT,
    suites: Suites = (),
) -> None:
    """Download packages, each NAME=VERSION, and unpack all of them into one directory.

    Archives drop a version when they get the next one. So where the download fails though the network works,
    this removes the recorded versions, which have the name `record`.
    """
    with scratch_directory(directory.parent) as scratch:
        with (
            _forgotten_on_failure(record, architecture, suites),
            package_index(architecture, suites) as index,
        ):
            archives = index.download_all(packages, scratch)
        _extract(archives, directory)


def unpack_all(
    packages: Sequence[str],
    directory: Path,
    architecture: Architecture,
    suites: Suites,
    *,
    recorded: tuple[str, Suites],
) -> None:
    """As `unpack`, with all that the packages depend on, and the newest version of each without one.

    `recorded` is the name of the record to remove, and the suites that it is of.
    """
    with scratch_directory(directory.parent) as scratch:
        with (
            _forgotten_on_failure(recorded[0], architecture, recorded[1]),
            package_index(architecture, suites) as index,
        ):
            archives = index.download_with_dependencies(packages, scratch)
        _extract(archives, directory)


@contextlib.contextmanager
def _forgotten_on_failure(record: str, architecture: Architecture, suites: Suites) -> Iterator[None]:
    try:
        yield
    except SetupError:
        with contextlib.suppress(SetupError), package_index(architecture, suites) as index:
            index.refresh()
            forget_version(record, index)
        raise


def _extract(archives: Sequence[Path], directory: Path) -> None:
    for archive in archives:
        run(["dpkg-deb", "--extract", archive, directory], seconds=UNPACK_SECONDS, needs=unpacking_remedy)
