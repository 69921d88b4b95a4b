"""Builds a small kernel from Debian's source, with binderfs: Android's kernels have it, Debian's do not."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.base.architecture import Architecture
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.prerequisites import KERNEL_BUILD, install_command
from emulator.base.progress import step
from emulator.cache.packages import recorded_version, unpack
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

CONFIGURATION = Path(__file__).with_name("android.config")
"""The options that this kernel has; everything else is off (`make allnoconfig`)."""
KERNEL = "vmlinux"
UNPACK_SECONDS = 600.0
CONFIGURE_SECONDS = 300.0
BUILD_SECONDS = 3600.0


def built_kernel(package: str, architecture: Architecture) -> tuple[str, Path]:
    """The version of a linux-source package, and the vmlinux that this machine's gcc makes of it: kept.

    The first call takes some minutes, and 2 GB of disk meanwhile. Raises SetupError where a program or a
    library is missing, before it downloads 150 MB, and where an option of ours is lost on the way.
    """
    version = recorded_version(package, lambda index: index.version(package), architecture)

    def build(target: Path) -> None:
        absent = [needed.package for needed in KERNEL_BUILD if not needed.present]
        if absent:
            raise SetupError(
                f"Building a kernel needs what this machine lacks. Install it:\n  {install_command(absent)}"
            )
        with scratch_directory(target.parent) as scratch:
            tree = _source(package, version, scratch)
            _compile(tree)
            (tree / KERNEL).rename(target / KERNEL)

    key = fingerprint(package, version, CONFIGURATION, Path(__file__))
    return version, entry(package, key, build) / KERNEL


def _source(package: str, version: str, scratch: Path) -> Path:
    unpack(package, [f"{package}={version}"], scratch)
    (tarball,) = (scratch / "usr" / "src").glob("linux-source-*.tar.xz")
    run(["tar", "-xf", tarball, "-C", scratch], seconds=UNPACK_SECONDS)
    return scratch / tarball.name.removesuffix(".tar.xz")


def _compile(tree: Path) -> None:
    make = ["make", f"--directory={tree}", f"KCONFIG_ALLCONFIG={CONFIGURATION}"]
    run([*make, "allnoconfig"], seconds=CONFIGURE_SECONDS)
    lost = lost_options(CONFIGURATION.read_text(), (tree / ".config").read_text())
    if lost:
        raise SetupError(
            f"{tree.name} does not take {', '.join(lost)}, because something that they depend on is off or "
            f"has another name there. Add that to {CONFIGURATION}."
        )
    with step("compiling a kernel"):
        run([*make, f"--jobs={os.cpu_count() or 1}", KERNEL], seconds=BUILD_SECONDS)


def lost_options(wanted: str, result: str) -> list[str]:
    """The lines of one configuration that another one lacks: options whose dependencies are off."""
    present = set(result.splitlines())
    return [line for line in wanted.splitlines() if line.startswith("CONFIG_") and line not in present]
