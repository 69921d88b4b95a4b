"""Names the kernels that a target may ask for, and Debian's packages of them."""

from __future__ import annotations

from emulator.base.architecture import ARCHITECTURES
from emulator.base.errors import UsageError

MACHINES = {known.in_targets: machine for machine, known in ARCHITECTURES.items()}
"""What `uname -m` calls an architecture, by what a target does."""
DEBIAN_PACKAGES = {
    ("6.1", "x86_64", "4k"): "linux-image-amd64",
    ("6.12", "x86_64", "4k"): "linux-image-6.12-amd64",
    ("6.12-rt", "x86_64", "4k"): "linux-image-6.12-rt-amd64",
    ("6.1", "arm64", "4k"): "linux-image-arm64",
    ("6.12", "arm64", "4k"): "linux-image-6.12-arm64",
    ("6.12-rt", "arm64", "4k"): "linux-image-6.12-rt-arm64",
    ("6.12", "arm64", "16k"): "linux-image-6.12-arm64-16k",
}
"""Debian 12's packages that follow a series of kernels, by version, architecture and page size."""
VERSIONS = tuple(dict.fromkeys(version for version, _, _ in DEBIAN_PACKAGES))
PAGES = tuple(dict.fromkeys(pages for _, _, pages in DEBIAN_PACKAGES))


def debian_package(version: str, architecture: str, pages: str) -> str:
    """Debian's package for a combination; UsageError, listing those that exist, where it has none."""
    package = DEBIAN_PACKAGES.get((version, architecture, pages))
    if package is None:
        known = "\n".join(
            f"  kernel={version}&arch={architecture}&pages={pages}"
            for version, architecture, pages in DEBIAN_PACKAGES
        )
        raise UsageError(
            f"Debian has no kernel {version} for {architecture} with pages of {pages}. It has:\n{known}"
        )
    return package
