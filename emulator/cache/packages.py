"""Debian packages and sources as raw material: downloaded and unpacked under the cache, never installed.

The machine's own apt configuration stays as it is. A private apt state is kept in the cache, one for each
architecture; its sources are the machine's own, with source packages switched on. An architecture is named
as `uname -m` names it; Debian's own names stay in here.
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

from emulator.base.architecture import ARCHITECTURES
from emulator.base.command import run
from emulator.base.errors import SetupError, UsageError
from emulator.base.progress import step
from emulator.cache.store import cache_root, locked

SOURCES = Path("/etc/apt/sources.list")
SOURCES_PARTS = Path("/etc/apt/sources.list.d")
DOWNLOAD_SECONDS = 1200.0
UNPACK_SECONDS = 300.0
FRESH_SECONDS = 3600.0


def with_sources(text: str, *, one_line: bool) -> str:
    """The text of a sources file in which every entry for packages is one for source packages, too.

    `one_line` tells the format of *.list files from the stanzas of *.sources (sources.list(5)).
    """
    if one_line:
        entries = re.findall(r"^[ \t]*deb([ \t].*)$", text, flags=re.MULTILINE)
        return "".join(f"deb{entry}\ndeb-src{entry}\n" for entry in entries)
    return re.sub(r"^Types:.*\bdeb\b.*$", "Types: deb deb-src", text, flags=re.MULTILINE)


class PackageIndex:
    """The private apt state of one architecture; `name` is Debian's name for it."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name

    @functools.cached_property
    def _options(self) -> list[str]:
        return [
            f"-oAPT::Architecture={self.name}",
            f"-oAPT::Architectures={self.name}",
            f"-oDir::State={self.root}/state",
            # What this machine has installed, and of which architecture, plays no part.
            "-oDir::State::status=/dev/null",
            f"-oDir::Cache={self.root}/cache",
            f"-oDir::Etc::sourcelist={self.root}/sources.list",
            f"-oDir::Etc::sourceparts={self.root}/sources.list.d",
            "-oAcquire::Languages=none",
            "-oAcquire::Retries=3",
            "-oAPT::Sandbox::User=",
            "-qq",
        ]

    def refresh(self) -> None:
        """Fetch the lists of packages and sources that the machine's own sources offer now."""
        for directory in ("state/lists/partial", "cache/archives/partial", "sources.list.d"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        text = SOURCES.read_text() if SOURCES.exists() else ""
        (self.root / "sources.list").write_text(with_sources(text, one_line=True))
        for part in sorted(SOURCES_PARTS.glob("*.list")) + sorted(SOURCES_PARTS.glob("*.sources")):
            copy = self.root / "sources.list.d" / part.name
            copy.write_text(with_sources(part.read_text(), one_line=part.suffix == ".list"))
        with step(f"reading the list of Debian's packages for {self.name}"):
            run(
                ["apt-get", *self._options, "update"],
                seconds=DOWNLOAD_SECONDS,
                needs="Is the network reachable?",
            )

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
        """Those of the packages, and of all that they depend on directly or not, that match `pattern`."""
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


def _root(architecture: str) -> Path:
    if architecture not in ARCHITECTURES:
        known = " or ".join(ARCHITECTURES)
        raise UsageError(f"There are no programs for a device of {architecture}: they are made for {known}.")
    root = cache_root() / f"apt-{ARCHITECTURES[architecture].debian}"
    root.mkdir(exist_ok=True)
    return root


@contextlib.contextmanager
def package_index(architecture: str = "x86_64") -> Iterator[PackageIndex]:
    """The private index of an architecture, read within the last hour, held by one run at a time.

    Sources are the same for all architectures.
    """
    root = _root(architecture)
    with locked(root.name, f"the list of packages for {architecture}"):
        index = PackageIndex(root, ARCHITECTURES[architecture].debian)
        stamp = root / "refreshed"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > FRESH_SECONDS:
            index.refresh()
            stamp.touch()
        yield index


def recorded_version(
    name: str, ask: Callable[[PackageIndex], str | None], architecture: str = "x86_64"
) -> str:
    """The version of `name` that this machine uses: asked of the index once, then remembered.

    Remembering keeps later runs off the network and on the same kernel; removing the files `versions.json`
    from the cache moves to the newest of everything. Raises SetupError when the index has no such package.
    """
    record = _root(architecture) / "versions.json"
    known = _recorded(record)
    if name not in known:
        with package_index(architecture) as index:
            known = _recorded(record)  # another run may have added to it meanwhile
            found = known.get(name) or ask(index)
            if found is None:
                raise SetupError(
                    f"The machine's apt sources offer no {name} for {index.name}. "
                    "Debian 12 with its security and updates suites has it; see /etc/apt/sources.list.d."
                )
            known[name] = found
            _replace(record, json.dumps(known, indent=1))
    return known[name]


def _recorded(record: Path) -> dict[str, str]:
    """The versions remembered: none where the record is not there, or damaged."""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(record.read_text())
        if isinstance(known, dict):
            return known
    return {}


def forget_version(name: str, index: PackageIndex) -> None:
    """Ask the index again at the next use, because it no longer has the version remembered."""
    record = index.root / "versions.json"
    known = _recorded(record)
    known.pop(name, None)
    _replace(record, json.dumps(known, indent=1))


def unpack(record: str, packages: Sequence[str], directory: Path, architecture: str = "x86_64") -> None:
    """Download packages, each NAME=VERSION, and unpack all of them into one directory.

    Where that fails and the network does not, `record`, the name under which their versions are remembered,
    is forgotten: archives drop a version when they get the next.
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


def _replace(file: Path, text: str) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.rename(file)
