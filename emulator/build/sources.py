"""The sources of AOSP's programs: Debian's source packages, downloaded once and unpacked for a build."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.build.generation import NATIVE_10, TOOLS_29, Generation, SourcePackage
from emulator.cache.package_index import package_index
from emulator.cache.packages import recorded_version, version_in
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

UNPACK_SECONDS = 600.0
IN_C = "source-in-c"
"""The directory, beside the sources, of the servicemanager in C."""


def source_package(package: SourcePackage) -> Path:
    """The directory of a source package's files in the cache; they are downloaded at the first use.

    Raises SetupError where no suite has it.
    """
    version = _version(package)

    def download(target: Path) -> None:
        with package_index(suites=package.suites, of_sources=bool(package.suites)) as index:
            take = index.download_source if package.patched else index.download_tarball
            take(f"{package.name}={version}", target)

    return entry(f"{package.name}-source", fingerprint(package.name, version), download)


def source_packages(generation: Generation) -> list[Path]:
    """The directories in the cache of all that a generation is built from."""
    packages = [generation.system, generation.native]
    if not generation.in_c:
        packages.append(NATIVE_10)
    return [source_package(package) for package in packages if package is not None]


@contextmanager
def unpacked_sources(generation: Generation) -> Iterator[Path]:
    """A directory, removed after the block, with AOSP's sources of a generation as AOSP lays them out.

    In it are `system` and `frameworks/native`, and what else the package has; `source-in-c`, beside it, has
    the servicemanager of Android 10, unless that is the generation's own.
    """
    with unpacked(generation.system) as source:
        if generation.native is not None:
            own = source / "frameworks/native"
            shutil.rmtree(own)
            unpack_tarball(generation.native, own)
        if not generation.in_c:
            unpack_tarball(NATIVE_10, source.with_name(IN_C), "cmds/servicemanager")
        yield source


@contextmanager
def unpacked(package: SourcePackage = TOOLS_29) -> Iterator[Path]:
    """A source package, with Debian's patches applied, in a directory that is removed after the block."""
    files = source_package(package)
    with scratch_directory(files.parent) as scratch:
        source = scratch / "source"
        if package.patched:
            (description,) = files.glob("*.dsc")
            # apt has checked the hashes; a check of the maintainer's signature would need another keyring.
            command: list[str | Path] = ["dpkg-source", "--no-check", "--extract", description, source]
            run(command, seconds=UNPACK_SECONDS)
        else:
            unpack_tarball(package, source)
        yield source


def unpack_tarball(package: SourcePackage, directory: Path, *members: str) -> None:
    """Unpack a source package's upstream tarball, or some members of it, into a new directory."""
    directory.mkdir()
    (tarball,) = source_package(package).glob("*.orig.tar.*")
    run(["tar", "-xf", tarball, "-C", directory, *members], seconds=UNPACK_SECONDS)


def _version(package: SourcePackage) -> str:
    if not package.suites:
        return recorded_version(package.name, lambda index: index.source_version(package.name))
    version = version_in(
        package.name,
        lambda index: index.source_version(package.name),
        suites=package.suites,
        of_sources=True,
    )
    if version is None:
        raise SetupError(
            f"Debian's {' and '.join(package.suites)} has no source package {package.name} on this machine's "
            "mirror. Choose another generation of Android's user space (userland=…)."
        )
    return version
