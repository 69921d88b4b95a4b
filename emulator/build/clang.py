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
_FOREIGN_FLAGS = (
    "-static",  # The packages hold nothing to link dynamically with.
    "-fuse-ld=lld",
    *_FLAGS,
)


def identity(architecture: Architecture) -> str:
    """What a build's result depends on, in addition to its sources and its recipe."""
    if architecture.native:
        return " ".join((architecture.name, *_FLAGS))
    return " ".join((architecture.name, *_FOREIGN_FLAGS, _packages(architecture)))


def clang(program: str, architecture: Architecture) -> tuple[str, ...]:
    """The start of a command line that compiles or links for `architecture`; `program` is clang or clang++.

    The first call for a foreign architecture downloads 9 MB. Raises SetupError where this machine has no
    linker for it.
    """
    if architecture.native:
        return (program, *_FLAGS)
    if shutil.which(LINKER) is None:
        raise missing_program(LINKER)
    target = (f"--target={architecture.gnu_triplet}", f"--sysroot={_sysroot(architecture)}")
    return (program, *target, *_FOREIGN_FLAGS)


def _sysroot(architecture: Architecture) -> Path:
    packages = _packages(architecture)

    def build(target: Path) -> None:
        unpack(RECORD, packages.split(), target, architecture)

    return entry(f"{SYSROOT}-{architecture}", fingerprint(architecture.name, packages), build)


def _packages(architecture: Architecture) -> str:
    return recorded_version(RECORD, _development_packages, architecture)


def _development_packages(index: PackageIndex) -> str | None:
    # They also depend on compilers and shared libraries, which are of no use here.
    names = index.closure([library.package for library in LIBRARIES], r".*-dev$")
    versions = index.versions(names)
    return " ".join(f"{name}={versions[name]}" for name in names if name in versions) or None
