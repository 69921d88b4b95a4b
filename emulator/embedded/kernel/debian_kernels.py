"""How Debian names its kernels, and how a target does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.base.architecture import BY_TARGET_NAME

BUILT_HERE = "debian-source"
"""Not one of Debian's kernels, but a small one that is built here from Debian's source of 6.12."""
SOURCE_PACKAGE = "linux-source-6.12"
SERIES = re.compile(r"\d+\.\d+(-rt)?")
"""A series of Debian's kernels, as a target names it; `-rt` is the one with PREEMPT_RT."""
PAGES = ("4k", "16k")
DEFAULT_VERSION = "6.12"
DEFAULT_PAGES = "4k"
RUST_VERSION = "7.3"
"""The series of a device with the driver in Rust, unless its target names another."""
FIRST_WITH_RUST = "6.18"
"""The first series of Linux with Binder's driver in Rust (drivers/android/binder/rust_binder_main.rs)."""
START = "linux-image-"
NAME = re.compile(
    rf"{START}(?P<series>\d+\.\d+)\.\d[^-]*(-\d+)?(?P<rt>-rt)?-(?P<architecture>amd64|arm64)(-(?P<pages>16k))?"
)
"""The packages of one kernel each. A meta package follows the newest series and drops the others."""


def is_debians(name: str) -> bool:
    """Whether a target's kernel is made from Debian's packages; else it is the path of the user's own."""
    return name == BUILT_HERE or SERIES.fullmatch(name) is not None


@dataclass(frozen=True, order=True)
class DebianKernel:
    """A kernel that Debian has, as the options of a target name it."""

    version: str
    arch: str
    pages: str

    def __str__(self) -> str:
        return f"kernel={self.version}&arch={self.arch}&pages={self.pages}"


def kernel_of(package: str) -> DebianKernel | None:
    """The kernel that a package has; None for another package."""
    found = NAME.fullmatch(package)
    if found is None:
        return None
    arch = next(known for known in BY_TARGET_NAME.values() if known.debian_name == found["architecture"])
    return DebianKernel(
        f"{found['series']}{found['rt'] or ''}", arch.target_name, found["pages"] or DEFAULT_PAGES
    )


def numbers_in(name: str) -> list[int]:
    """The numbers in a package's name or a series, by which releases are compared."""
    return [int(part) for part in re.findall(r"\d+", name)]


def newest(packages: Iterable[str], kernel: DebianKernel) -> str | None:
    """Of these packages, the newest kernel of a series; releases compare by the numbers in them."""
    matching = [package for package in packages if kernel_of(package) == kernel]
    return max(matching, key=numbers_in, default=None)
