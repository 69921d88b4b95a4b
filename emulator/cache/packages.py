"""Debian packages and sources as raw material: downloaded and unpacked under the cache, never installed.

The machine's own apt configuration stays unchanged. The cache holds a private apt state for each
architecture; its sources are the machine's own, with source packages enabled.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.atomic_write import write_atomically
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.progress import report, step
from emulator.cache.root import cache_root
from emulator.cache.store import locked

SOURCES = Path("/etc/apt/sources.list")
SOURCES_PARTS = Path("/etc/apt/sources.list.d")
DOWNLOAD_SECONDS = 1200.0
UNPACK_SECONDS = 300.0
FRESH_SECONDS = 3600.0


def with_sources(text: str, *, one_line: bool) -> str:
    """The text of a sources file in which every entry for packages is also one for source packages.

    `one_line` is the format of *.list files, not the stanzas of *.sources (sources.list(5)).
    """
    if one_line:
        entries = re.findall(r"^[ \t]*deb([ \t].*)$", text, flags=re.MULTILINE)
        return "".join(f"deb{entry}\ndeb-src{entry}\n" for entry in entries)
    return re.sub(r"^Types:.*\bdeb\b.*$", "Types: deb deb-src", text, flags=re.MULTILINE)


class PackageIndex:
    """The private apt state of one architecture."""

    def __init__(self, root: Path, architecture: Architecture) -> None:
        self.root = root
        self.architecture = architecture

    @functools.cached_property
    def _options(self) -> list[str]:
        return [
            f"-oAPT::Architecture={self.architecture.debian_name}",
            f"-oAPT::Architectures={self.architecture.debian_name}",
            f"-oDir::State={self.root}/state",
            # Independent of what this machine has installed, and of its architecture.
            "-oDir::State::status=/dev/null",
            f"-oDir::Cache={self.root}/cache",
            f"-oDir::Etc::sourcelist={self.root}/sources.list",
            f"-oDir::Etc::sourceparts={self.root}/sources.list.d",
            "-oAcquire::Languages=none",
            "-oAcquire::Retries=3",
            "-oAPT::Sandbox::User=",
            # Otherwise `update` succeeds though it fetched nothing (apt-get(8), --error-on).
            "-oAPT::Update::Error-Mode=any",
            "-qq",
        ]

    def refresh(self) -> None:
        """Fetch the lists of packages and sources that the machine's own sources offer now.

        Raises SetupError where one of them is not fetched; apt keeps what it had of that one.
        """
        for directory in ("state/lists/partial", "cache/archives/partial", "sources.list.d"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        text = SOURCES.read_text() if SOURCES.exists() else ""
        (self.root / "sources.list").write_text(with_sources(text, one_line=True))
        for part in sorted(SOURCES_PARTS.glob("*.list")) + sorted(SOURCES_PARTS.glob("*.sources")):
            copy = self.root / "sources.list.d" / part.name
            copy.write_text(with_sources(part.read_text(), one_line=part.suffix == ".list"))
        with step(f"reading the list of Debian's packages for {self.architecture.debian_name}"):
            run(
                ["apt-get", *self._options, "update"],
                seconds=DOWNLOAD_SECONDS,
                needs="Is the network reachable?",
            )

    @property
    def has_lists(self) -> bool:
        """Whether it holds the packages of any source."""
        return any((self.root / "state/lists").glob("*_Packages*"))

    def version(self, package: str) -> str | None:
        """The version that would be downloaded; None when the index does not have the package."""
        return self.versions([package]).get(package)

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """The version that would be downloaded of each package that the index has."""
        policy = run(["apt-cache", *self._options, "policy", *packages], seconds=60)
        found = re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)$", policy, flags=re.MULTILINE)
        return {package: version for package, version in found if version != "(none)"}

    def dependency(self, package: str, pattern: str) -> str | None:
        """The name of the first dependency of a package that matches `pattern`."""
        depends = run(["apt-cache", *self._options, "depends", package], seconds=60)
        return next(
            (name for name in re.findall(r"Depends: (\S+)", depends) if re.match(pattern, name)), None
        )

    def closure(self, packages: Sequence[str], pattern: str) -> list[str]:
        """The packages that match `pattern`, among these and all that they depend on, directly or not."""
        depends = run(
            ["apt-cache", *self._options, "depends", "--recurse", "--important", *packages], seconds=60
        )
        return sorted(
            {
                name
                for name in re.findall(r"^(\w\S*)$", depends, flags=re.MULTILINE)
                if re.match(pattern, name)
            }
        )

    def source_version(self, source: str) -> str | None:
        """The newest version of a source package; None when the index does not have it."""
        shown = run(["apt-cache", *self._options, "--only-source", "showsrc", source], seconds=60)
        versions = re.findall(r"^Version: (\S+)", shown, flags=re.MULTILINE)
        return versions[0] if versions else None

    def download(self, package: str, directory: Path) -> Path:
        """Download a package (apt checks its hash against the signed index) and return the .deb file."""
        (file,) = self.download_all([package], directory)
        return file

    def download_all(self, packages: Sequence[str], directory: Path) -> list[Path]:
        """Download packages, each NAME or NAME=VERSION, into an empty directory: the .deb files."""
        run(["apt-get", *self._options, "download", *packages], directory=directory, seconds=DOWNLOAD_SECONDS)
        return sorted(directory.glob("*.deb"))

    def download_source(self, source: str, directory: Path) -> None:
        """Download a source package: its .dsc file and the tarballs (apt checks their hashes)."""
        self._source(source, directory)

    def download_tarball(self, source: str, directory: Path) -> None:
        """Download a source package's upstream tarball alone (apt checks its hash)."""
        self._source(source, directory, "--tar-only")

    def _source(self, source: str, directory: Path, *options: str) -> None:
        command = ["apt-get", *self._options, "--download-only", *options, "source", source]
        run(command, directory=directory, seconds=DOWNLOAD_SECONDS)


def _root(architecture: Architecture) -> Path:
    root = cache_root() / f"apt-{architecture.debian_name}"
    root.mkdir(exist_ok=True)
    return root


@contextlib.contextmanager
def package_index(architecture: Architecture = DEFAULT) -> Iterator[PackageIndex]:
    """The private index of an architecture, at most an hour old, locked for one run at a time.

    Source packages are the same for all architectures. Where the network fails, an older index is used, and
    the next use tries again; SetupError where there is none.
    """
    root = _root(architecture)
    with locked(root.name, f"the list of packages for {architecture}"):
        index = PackageIndex(root, architecture)
        stamp = root / "refreshed"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > FRESH_SECONDS:
            try:
                index.refresh()
                stamp.touch()
            except SetupError as error:
                if not index.has_lists:
                    raise
                report(f"an older list of packages is used: {error}")
        yield index


def recorded_version(
    name: str, find: Callable[[PackageIndex], str | None], architecture: Architecture = DEFAULT
) -> str:
    """The version of `name` that this machine uses: found in the index once, then recorded.

    With the record, later runs need no network and use the same kernel; removing the files `versions.json`
    from the cache moves everything to its newest version. Raises SetupError where the index has no such one.
    """
    record = _root(architecture) / "versions.json"
    versions = _read_record(record)
    if name not in versions:
        with package_index(architecture) as index:
            versions = _read_record(record)  # another run may have added to it meanwhile
            found = versions.get(name) or find(index)
            if found is None:
                raise SetupError(
                    f"This machine's apt sources offer no {name} for {architecture.debian_name}. Add Debian "
                    "12 with its security and updates suites, which have it, to /etc/apt/sources.list.d."
                )
            versions[name] = found
            write_atomically(record, json.dumps(versions, indent=1))
    return versions[name]


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
    record: str, packages: Sequence[str], directory: Path, architecture: Architecture = DEFAULT
) -> None:
    """Download packages, each NAME=VERSION, and unpack all of them into one directory.

    Archives drop a version when they get the next one. So where the download fails though the network works,
    this removes the recorded versions, which have the name `record`.
    """
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".build-") as scratch:
        with package_index(architecture) as index:
            try:
                archives = index.download_all(packages, Path(scratch))
            except SetupError:
                with contextlib.suppress(SetupError):
                    index.refresh()
                    forget_version(record, index)
                raise
        for archive in archives:
            run(["dpkg-deb", "--extract", archive, directory], seconds=UNPACK_SECONDS)
