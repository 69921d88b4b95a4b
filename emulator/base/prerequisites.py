"""What a run needs of the system: program by program, with Debian's package for it.

Run as a script by a bare Python, before anything is installed, it prints the packages that are missing,
whatever the architecture of the device that needs them: one set-up, and everything works.
"""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import ARCHITECTURES

NATIVE = tuple(name for name in ARCHITECTURES if name == platform.machine())
FOREIGN = tuple(name for name in ARCHITECTURES if name != platform.machine())


@dataclass(frozen=True)
class Prerequisite:
    """One thing the system must have, how its presence shows, and why it is needed."""

    package: str
    purpose: str
    program: str | None = None
    file: Path | None = None
    architectures: tuple[str, ...] = tuple(ARCHITECTURES)
    """Of the devices that need it, as `uname -m` says them."""

    @property
    def present(self) -> bool:
        """Whether the program is on the PATH, or the file exists."""
        if self.program is not None:
            return shutil.which(self.program) is not None
        return self.file is not None and self.file.exists()


LIBRARIES = (
    Prerequisite("g++", "has the C++ library that AOSP's adbd links", program="g++", architectures=NATIVE),
    Prerequisite(
        "libcap-dev",
        "gives adbd its privileges",
        file=Path("/usr/include/sys/capability.h"),
        architectures=NATIVE,
    ),
    Prerequisite(
        "libc++-dev", "is AOSP's own C++ library", file=Path("/usr/include/c++/v1"), architectures=NATIVE
    ),
    Prerequisite(
        "libc++abi-dev",
        "belongs to it",
        file=Path(f"/usr/lib/{platform.machine()}-linux-gnu/libc++abi.so"),
        architectures=NATIVE,
    ),
)
"""What programs of this machine's architecture are linked with; of another, the same comes into the cache."""
PREREQUISITES = (
    Prerequisite(
        "qemu-system-x86",
        "runs the embedded device",
        program="qemu-system-x86_64",
        architectures=("x86_64",),
    ),
    Prerequisite(
        "qemu-system-arm",
        "runs the embedded device for arm64",
        program="qemu-system-aarch64",
        architectures=("aarch64",),
    ),
    Prerequisite("util-linux", "ends what a killed run had started", program="setpriv"),
    Prerequisite("dpkg", "unpacks the device's kernel", program="dpkg-deb"),
    Prerequisite("dpkg-dev", "unpacks AOSP's sources", program="dpkg-source"),
    Prerequisite("make", "builds AOSP's adbd", program="make"),
    Prerequisite("clang", "compiles AOSP's adbd", program="clang++"),
    Prerequisite(
        "lld",
        "links for another architecture than this machine's",
        program="ld.lld",
        architectures=FOREIGN,
    ),
    Prerequisite("cmake", "configures AOSP's Binder user space", program="cmake"),
    Prerequisite("ninja-build", "builds AOSP's Binder user space", program="ninja"),
    Prerequisite("aidl", "generates the interface of AOSP's servicemanager", program="aidl"),
    *LIBRARIES,
)


def missing(architecture: str = "x86_64") -> list[Prerequisite]:
    """Those that devices of this architecture need and that are not there."""
    return [
        prerequisite
        for prerequisite in PREREQUISITES
        if architecture in prerequisite.architectures and not prerequisite.present
    ]


def package_of(program: str) -> str | None:
    """Debian's package for a program this project calls."""
    return next((known.package for known in PREREQUISITES if known.program == program), None)


def install_command(packages: list[str]) -> str:
    """What a user types to install packages on Debian."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


if __name__ == "__main__":
    print(*(prerequisite.package for prerequisite in PREREQUISITES if not prerequisite.present))
