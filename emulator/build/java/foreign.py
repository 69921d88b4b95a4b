"""Runs programs for another architecture on this machine: QEMU's emulation of a process, from Debian."""

from __future__ import annotations

import platform
from pathlib import Path

from emulator.base.architecture import Architecture, architecture_named
from emulator.build.java.sources import library_packages
from emulator.cache.packages import recorded_version, unpack
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

PACKAGE = "qemu-user-static"
"""A download of 60 MB with an emulator for each architecture, of which one is kept: 13 MB."""


def runs_here(architecture: Architecture) -> tuple[str | Path, ...]:
    """The start of a command line that runs a program here; nothing where this machine can run it itself."""
    if architecture.native:
        return ()
    return (_emulator(architecture), "-L", library_packages(architecture))


def _emulator(architecture: Architecture) -> Path:
    own = architecture_named(platform.machine())
    version = recorded_version(PACKAGE, lambda index: index.version(PACKAGE), own)
    name = f"qemu-{architecture}-static"

    def build(target: Path) -> None:
        with scratch_directory(target.parent) as scratch:
            unpack(PACKAGE, [f"{PACKAGE}={version}"], scratch, own)
            (scratch / "usr/bin" / name).rename(target / name)

    return entry(name, fingerprint(PACKAGE, version, own.name), build) / name
