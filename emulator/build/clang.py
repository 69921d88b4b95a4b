"""Clang for the device's architecture: with this machine's libraries or, for another architecture, Debian's.

Clang itself compiles for every architecture. What it lacks for a foreign one are headers and libraries: those
come from Debian's -dev packages of that architecture, unpacked in the cache. They have the versions that a
native build takes from the system, so one recipe serves both; nothing is installed, and dpkg needs no second
architecture. The alternatives: Debian's cross compilers come without libc++ and libcap, and `zig c++` has
another C library than the one with which AOSP's sources are built here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from emulator.base.architecture import LINKER_FLAGS, Architecture
from emulator.base.command import missing_program
from emulator.base.prerequisites import LIBRARIES
from emulator.cache.package_index import PackageIndex
from emulator.cache.packages import recorded_version, unpack
from emulator.cache.store import entry, fingerprint

SYSROOT = "sysroot"
RECORD = " ".join((SYSROOT, *(library.package for library in LIBRARIES)))
"""The name under which its packages are recorded: another one where another library is needed."""
LINKER = "ld.lld"
_FLAGS = (
    *LINKER_FLAGS,
    "-Wno-unused-command-line-argument",  # of linker flags, where clang only compiles
)
_FOREIGN_FLAGS = ("-fuse-ld=lld", *_FLAGS)
SHARED = ("libc6", "libgcc-s1")
"""The packages of the C libraries that a shared library is linked with."""


def identity(architecture: Architecture, *, shared: bool = False) -> str:
    """What a build's result depends on, in addition to its sources and its recipe."""
    if architecture.native:
        return " ".join((architecture.name, *_FLAGS))
    return " ".join((architecture.name, *_foreign_flags(shared), _packages(architecture, shared)))


def clang(program: str, architecture: Architecture, *, shared: bool = False) -> tuple[str, ...]:
    """The start of a command line that compiles or links for `architecture`; `program` is clang or clang++.

    With `shared`, it links shared libraries; else, for a foreign architecture, static programs alone. The
    first call for a foreign one downloads 9 MB. Raises SetupError where this machine has no linker for it.
    """
    if architecture.native:
        return (program, *_FLAGS)
    if shutil.which(LINKER) is None:
        raise missing_program(LINKER)
    target = (f"--target={architecture.gnu_triplet}", f"--sysroot={_sysroot(architecture, shared)}")
    return (program, *target, *_foreign_flags(shared))


def _foreign_flags(shared: bool) -> tuple[str, ...]:
    return _FOREIGN_FLAGS if shared else ("-static", *_FOREIGN_FLAGS)


def _sysroot(architecture: Architecture, shared: bool) -> Path:
    packages = _packages(architecture, shared)

    def build(target: Path) -> None:
        unpack(_record(shared), packages.split(), target, architecture)

    return entry(f"{SYSROOT}-{architecture}", fingerprint(architecture.name, packages), build)


def _packages(architecture: Architecture, shared: bool) -> str:
    def find(index: PackageIndex) -> str | None:
        return _development_packages(index, SHARED if shared else ())

    return recorded_version(_record(shared), find, architecture)


def _record(shared: bool) -> str:
    return " ".join((RECORD, *SHARED)) if shared else RECORD


def _development_packages(index: PackageIndex, libraries: tuple[str, ...]) -> str | None:
    # They also depend on compilers and shared libraries, which a static program has no use for.
    names = [*index.closure([library.package for library in LIBRARIES], r".*-dev$"), *libraries]
    versions = index.versions(names)
    return " ".join(f"{name}={versions[name]}" for name in names if name in versions) or None
