"""The lists of Debian's packages and sources, in apt states of this project's own below the cache.

The machine's own apt configuration stays unchanged. The cache holds a private apt state for each
architecture; its sources are the machine's own, with source packages enabled. Further suites of the machine's
own mirror have states of their own (`Suites`), so that one that cannot be read keeps none from the others.
"""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.progress import report, step
from emulator.cache.network import NO_NETWORK, NoNetworkError, failed_lately, is_news
from emulator.cache.remedies import remedy
from emulator.cache.root import cache_root
from emulator.cache.store import locked

SOURCES = Path("/etc/apt/sources.list")
SOURCES_PARTS = Path("/etc/apt/sources.list.d")
DOWNLOAD_SECONDS = 1200.0
FRESH_SECONDS = 3600.0
Suites: TypeAlias = tuple[str, ...]
"""Suites of Debian's archive, by name or as `stable`; none for the machine's own sources."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's keys (package debian-archive-keyring), where the machine has them beside those that apt trusts."""
MIRRORS = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
"""What `apt-get indextargets` prints of a list of packages; security updates have a label of their own."""
CODENAME = re.compile(r"^Codename: (?!rc-buggy)(\S+)$", flags=re.MULTILINE)
"""experimental has one name for ever, and not every mirror has a directory of its codename."""
RELEASES_ONLY = (
    "-oAcquire::IndexTargets::deb::Packages::DefaultEnabled=false",
    "-oAcquire::IndexTargets::deb-src::Sources::DefaultEnabled=false",
    "-oAPT::Get::List-Cleanup=false",
)
"""Options of `apt-get update`: what the suites are, not what packages or sources they have, which stay."""


def with_sources(text: str, *, one_line: bool) -> str:
    """The text of a sources file in which every entry for packages is also one for source packages.

    `one_line` is the format of *.list files, not the stanzas of *.sources (sources.list(5)).
    """
    if one_line:
        entries = re.findall(r"^[ \t]*deb([ \t].*)$", text, flags=re.MULTILINE)
        return "".join(f"deb{entry}\ndeb-src{entry}\n" for entry in entries)
    return re.sub(r"^Types:.*\bdeb\b.*$", "Types: deb deb-src", text, flags=re.MULTILINE)


def _copy_with_sources(sources: Path, copy: Path, *, one_line: bool) -> None:
    text = sources.read_text(encoding="utf-8", errors="surrogateescape")  # comments are in any encoding
    copy.write_text(with_sources(text, one_line=one_line), encoding="utf-8", errors="surrogateescape")


class PackageIndex:
    """The private apt state of one architecture, for the machine's own sources or for other suites."""

    def __init__(
        self, root: Path, architecture: Architecture, suites: Suites = (), *, of_sources: bool = False
    ) -> None:
        self.root = root
        self.architecture = architecture
        self.suites = suites
        self.of_sources = of_sources

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
            # What `stable` is changes with each release.
            "-oAcquire::AllowReleaseInfoChange=true",
            "-qq",
        ]

    def refresh(self) -> None:
        """Fetch the lists of packages and sources that its sources offer now.

        Raises SetupError where one of them is not fetched; apt keeps what it had of that one.
        """
        for directory in ("state/lists/partial", "cache/archives/partial", "sources.list.d"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        sources = self._new_suites() if self.suites else self._own_sources()
        subject = "" if self.of_sources else f" for {self.architecture.debian_name}"
        with step(f"reading the list of {self}{subject}"):
            self._update(f"-oDir::Etc::sourcelist={sources}")
        # Only now: apt finds the lists that are there by the names in this file.
        sources.replace(self.root / "sources.list")

    def __str__(self) -> str:
        if not self.suites:
            return "Debian's packages"
        return f"Debian's {' and '.join(self.suites)}{' (source packages)' if self.of_sources else ''}"

    def _update(self, *options: str) -> None:
        try:
            self._fetch([*options, "update"])
        except NoNetworkError:
            raise
        except SetupError as error:
            _, _, shown = str(error).partition("\n")  # without the command, whose options fill the screen
            raise SetupError(f"The list of {self} cannot be read.\n{shown}".rstrip()) from error

    def _own_sources(self) -> Path:
        if SOURCES.exists():
            _copy_with_sources(SOURCES, self.root / "sources.list", one_line=True)
        else:
            (self.root / "sources.list").write_text("")
        for part in sorted(SOURCES_PARTS.glob("*.list")) + sorted(SOURCES_PARTS.glob("*.sources")):
            copy = self.root / "sources.list.d" / part.name
            _copy_with_sources(part, copy, one_line=part.suffix == ".list")
        return self.root / "sources.list"

    def _new_suites(self) -> Path:
        with package_index(self.architecture) as own:
            mirror = own.mirror
        if mirror is None:
            raise SetupError(
                "This machine's apt sources name no mirror of Debian, where other suites would be. Add one "
                f"to {SOURCES_PARTS}."
            )
        keys = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        kind = "deb-src" if self.of_sources else "deb"
        new = self.root / "suites.list"

        def take(suites: Iterable[str]) -> None:
            new.write_text("".join(f"{kind} {keys}{mirror} {suite} main\n" for suite in suites))

        take(self.suites)
        self._update(f"-oDir::Etc::sourcelist={new}", *RELEASES_ONLY)
        # A mirror that keeps copies may have one of `stable` that is weeks older than that of its codename.
        take(map(self._codename, self.suites))
        return new

    def _codename(self, suite: str) -> str:
        for file in (self.root / "state/lists").glob(f"*_dists_{suite}_*Release"):
            if found := CODENAME.search(file.read_text(encoding="utf-8")):
                return found[1]
        return suite

    @property
    def mirror(self) -> str | None:
        """The address of the mirror of Debian's main archive that it uses; None where it uses none."""
        targets = run(
            ["apt-get", *self._options, "indextargets", "--format", MIRRORS, "Created-By: Packages"],
            seconds=60,
        )
        found = re.findall(r"^Debian\|Debian\|(\S+)$", targets, flags=re.MULTILINE)
        return found[0] if found else None

    @property
    def has_lists(self) -> bool:
        """Whether it holds the packages of any source, or the source packages of its suites."""
        pattern = "*_Sources*" if self.of_sources else "*_Packages*"
        return any((self.root / "state/lists").glob(pattern))

    def version(self, package: str) -> str | None:
        """The version that would be downloaded; None when the index does not have the package."""
        return self.versions([package]).get(package)

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """The version that would be downloaded of each package that the index has."""
        policy = run(["apt-cache", *self._options, "policy", *packages], seconds=60)
        found = re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)$", policy, flags=re.MULTILINE)
        return {package: version for package, version in found if version != "(none)"}

    def names(self, start: str) -> list[str]:
        """The names of packages that start so and that could be downloaded."""
        known = run(["apt-cache", *self._options, "pkgnames", start], seconds=60).split()
        return sorted(self.versions(known)) if known else []

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
        self._fetch(["download", *packages], directory)
        return sorted(directory.glob("*.deb"))

    def download_with_dependencies(self, packages: Sequence[str], directory: Path) -> list[Path]:
        """Download packages and all that they depend on into an empty directory: the .deb files."""
        (directory / "partial").mkdir()
        options = [f"-oDir::Cache::archives={directory}", "-oDebug::NoLocking=1"]
        install = ["install", "--yes", "--download-only", "--no-install-recommends"]
        self._fetch([*options, *install, *packages])
        return sorted(directory.glob("*.deb"))

    def download_source(self, source: str, directory: Path) -> None:
        """Download a source package: its .dsc file and the tarballs (apt checks their hashes)."""
        self._source(source, directory)

    def download_tarball(self, source: str, directory: Path) -> None:
        """Download a source package's upstream tarball alone (apt checks its hash)."""
        self._source(source, directory, "--tar-only")

    def _source(self, source: str, directory: Path, *options: str) -> None:
        self._fetch(["--download-only", *options, "source", source], directory)

    def _fetch(self, arguments: Sequence[str], directory: Path | None = None) -> None:
        """Run an apt-get that downloads; without the network, NoNetworkError instead of apt's own lines."""
        command = ["apt-get", *self._options, *arguments]
        try:
            run(command, directory=directory, seconds=DOWNLOAD_SECONDS, needs=remedy)
        except SetupError as error:
            if unreachable := NO_NETWORK.search(str(error)):
                raise NoNetworkError(unreachable[0]) from error
            raise


def apt_directory(architecture: Architecture, suites: Suites = (), *, of_sources: bool = False) -> Path:
    """The directory of the apt state of an architecture and of suites; it exists."""
    packages = "source" if of_sources else architecture.debian_name
    root = cache_root() / "-".join(("apt", packages, *suites))
    root.mkdir(exist_ok=True)
    return root


def has_lists(architecture: Architecture, suites: Suites = ()) -> bool:
    """Whether the lists of these suites were read before, which can be used without the network."""
    return PackageIndex(apt_directory(architecture, suites), architecture, suites).has_lists


@contextlib.contextmanager
def package_index(
    architecture: Architecture = DEFAULT, suites: Suites = (), *, of_sources: bool = False
) -> Iterator[PackageIndex]:
    """The private index of an architecture, at most an hour old, locked for one run at a time.

    It has what the machine's own sources offer or, where `suites` are given, what those of its mirror do:
    their packages or, with `of_sources`, their source packages alone, which are the same for all
    architectures. Where the network fails, an older index is used, and a use a minute later tries again;
    SetupError where there is none.
    """
    root = apt_directory(architecture, suites, of_sources=of_sources)
    with locked(root.name, f"the list of packages for {architecture}"):
        index = PackageIndex(root, architecture, suites, of_sources=of_sources)
        stamp = root / "refreshed"
        fresh = stamp.exists() and time.time() - stamp.stat().st_mtime <= FRESH_SECONDS
        if not fresh and not (failed_lately() and index.has_lists):
            try:
                index.refresh()
                stamp.touch()
            except SetupError as error:
                if not index.has_lists:
                    raise
                if is_news(error):
                    report(f"an older list of packages is used: {error}")
        yield index
