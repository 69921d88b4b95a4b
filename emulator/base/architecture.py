"""What a device's architecture is called: by the kernel and its tools, by Debian, and in a target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture, and its names."""

    machine: str
    """What `uname -m` says, and QEMU's programs and compilers do."""
    debian: str
    """What Debian's packages say."""
    in_targets: str
    """What a target says."""


ARCHITECTURES = {
    known.machine: known
    for known in (Architecture("x86_64", "amd64", "x86_64"), Architecture("aarch64", "arm64", "arm64"))
}
"""Those that an embedded device can have, by what `uname -m` says."""
