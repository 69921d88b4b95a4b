"""Clang for the device's architecture: with this machine's libraries or, for another one, with Debian's.

Clang compiles for every architecture as it is. What it lacks for another one are headers and libraries: those
come from Debian's -dev packages of that architecture, unpacked in the cache. They are the versions that the
native build takes from the system, so one recipe serves both; nothing is installed, and dpkg is not told of a
second architecture. Of the other ways, Debian's cross compilers come without libc++ and libcap, and `zig c++`
has another C library than AOSP's sources are built with here.
"""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from emulator.cache.store import entry, fingerprint
from emulator.base.command import missing_program
from emulator.cache.packages import PackageIndex, recorded_version, unpack
from emulator.base.prerequisites import LIBRARIES

SYSROOT = "sysroot"
LINKER = "ld.lld"
FOREIGN_FLAGS = (
    "-static",  # The packages hold nothing to link dynamically with.
    "-fuse-ld=lld",
    "-Wl,-z,max-page-size=65536",  # loads where pages have 4, 16 or 64 KiB
    "-Wno-unused-command-line-argument",  # of those above, where it only compiles
)


def identity(architecture: str) -> str:
    """What the result of a build depends on beside its sources and its recipe."""
    if architecture == platform.machine():
        return architecture
    return " ".join((architecture, *FOREIGN_FLAGS, _packages(architecture)))


def clang(program: str, architecture: str) -> tuple[str, ...]:
    """The words with which a command begins that compiles or links for `architecture`.

    `program` is clang or clang++. The first call for a foreign architecture downloads 9 MB. Raises SetupError
    when this machine has no linker for that.
    """
    if architecture == platform.machine():
        return (program,)
    if shutil.which(LINKER) is None:
        raise missing_program(LINKER)
    target = (f"--target={architecture}-linux-gnu", f"--sysroot={_sysroot(architecture)}")
    return (program, *target, *FOREIGN_FLAGS)


def _sysroot(architecture: str) -> Path:
    packages = _packages(architecture)

    def build(target: Path) -> None:
        unpack(SYSROOT, packages.split(), target, architecture)

    return entry(f"{SYSROOT}-{architecture}", fingerprint(architecture, packages), build)


def _packages(architecture: str) -> str:
    return recorded_version(SYSROOT, _development_packages, architecture)


def _development_packages(index: PackageIndex) -> str | None:
    # The compilers and shared libraries that these depend on, too, are of no use here.
    names = index.closure([library.package for library in LIBRARIES], r".*-dev$")
    versions = index.versions(names)
    return " ".join(f"{name}={versions[name]}" for name in names if name in versions) or None
