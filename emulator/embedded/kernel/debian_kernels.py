"""The Debian kernels that a target may name, and their packages."""

from __future__ import annotations

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import UsageError

BUILT_HERE = "debian-source"
"""Not one of Debian's kernels, but a small one that is built here from Debian's source of 6.12."""
DEBIAN_PACKAGES = {
    ("6.1", X86_64, "4k"): "linux-image-amd64",
    ("6.12", X86_64, "4k"): "linux-image-6.12-amd64",
    ("6.12-rt", X86_64, "4k"): "linux-image-6.12-rt-amd64",
    ("6.1", AARCH64, "4k"): "linux-image-arm64",
    ("6.12", AARCH64, "4k"): "linux-image-6.12-arm64",
    ("6.12-rt", AARCH64, "4k"): "linux-image-6.12-rt-arm64",
    ("6.12", AARCH64, "16k"): "linux-image-6.12-arm64-16k",
    (BUILT_HERE, X86_64, "4k"): "linux-source-6.12",
}
"""Debian 12's packages that follow a kernel series, by version, architecture and page size."""
VERSIONS = tuple(dict.fromkeys(version for version, _, _ in DEBIAN_PACKAGES))
PAGES = tuple(dict.fromkeys(pages for _, _, pages in DEBIAN_PACKAGES))
DEFAULT_VERSION = "6.12"
DEFAULT_PAGES = "4k"


def debian_package(version: str, architecture: Architecture, pages: str) -> str:
    """Debian's package for a combination; UsageError, with all existing ones, where it has none."""
    package = DEBIAN_PACKAGES.get((version, architecture, pages))
    if package is None:
        existing = "\n".join(
            f"  kernel={version}&arch={architecture.target_name}&pages={pages}"
            for version, architecture, pages in DEBIAN_PACKAGES
        )
        raise UsageError(
            f"Debian has no kernel {version} for {architecture.target_name} with pages of {pages}. "
            f"Choose one of:\n{existing}"
        )
    return package
