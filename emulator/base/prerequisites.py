"""The programs and libraries that a run needs from the system, each with its Debian package.

As a script it needs only a bare Python, before anything is installed. It prints the packages that are missing
for devices of any architecture: one set-up is enough for all of them.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import ARCHITECTURES, DEFAULT, Architecture

ALL = tuple(ARCHITECTURES.values())
NATIVE = tuple(architecture for architecture in ALL if architecture.native)
"""This machine's own, where devices can have it."""
FOREIGN = tuple(architecture for architecture in ALL if not architecture.native)


@dataclass(frozen=True)
class Prerequisite:
    """One thing that the system must have: package, purpose, and the program or file that proves it."""

    package: str
    purpose: str
    program: str | None = None
    file: Path | None = None
    architectures: tuple[Architecture, ...] = ALL
    """Those of the devices that need it."""

    @property
    def present(self) -> bool:
        """Whether the program is on the PATH, or the file exists."""
        if self.program is not None:
            return shutil.which(self.program) is not None
        return self.file is not None and self.file.exists()


LIBRARIES = (
    Prerequisite("g++", "brings the C++ library that AOSP's adbd links", program="g++", architectures=NATIVE),
    Prerequisite(
        "libcap-dev",
        "lets adbd set its capabilities",
        file=Path("/usr/include/sys/capability.h"),
        architectures=NATIVE,
    ),
    Prerequisite(
        "libbearssl-dev",
        "lets adbd check the signatures of its clients",
        file=Path("/usr/include/bearssl.h"),
        architectures=NATIVE,
    ),
    Prerequisite(
        "libc++-dev", "is AOSP's own C++ library", file=Path("/usr/include/c++/v1"), architectures=NATIVE
    ),
    Prerequisite(
        "libc++abi-dev",
        "belongs to libc++",
        file=next((Path("/usr/lib", native.gnu_triplet, "libc++abi.so") for native in NATIVE), None),
        architectures=NATIVE,
    ),
)
"""The libraries for this machine's own architecture; the cache holds those for a foreign one."""
KVM = Path("/dev/kvm")
"""What lets QEMU run a guest on this machine's own processors."""
PREREQUISITES = (
    *(
        Prerequisite(
            architecture.qemu_package,
            f"runs embedded devices for {architecture.target_name}",
            program=architecture.qemu_program,
            architectures=(architecture,),
        )
        for architecture in ALL
    ),
    Prerequisite("util-linux", "ends the programs of a killed run", program="setpriv"),
    Prerequisite("dpkg", "unpacks the device's kernel", program="dpkg-deb"),
    Prerequisite("dpkg-dev", "unpacks AOSP's sources", program="dpkg-source"),
    Prerequisite("make", "builds AOSP's adbd", program="make"),
    Prerequisite("clang", "compiles AOSP's adbd", program="clang++"),
    Prerequisite(
        "lld",
        "links for a foreign architecture",
        program="ld.lld",
        architectures=FOREIGN,
    ),
    Prerequisite("cmake", "configures AOSP's Binder user space", program="cmake"),
    Prerequisite("ninja-build", "builds AOSP's Binder user space", program="ninja"),
    Prerequisite("aidl", "generates the interface of AOSP's servicemanager", program="aidl"),
    *LIBRARIES,
)
KERNEL_BUILD = (
    Prerequisite("gcc", "compiles a kernel", program="gcc"),
    Prerequisite("make", "builds a kernel", program="make"),
    Prerequisite("flex", "reads a kernel's configuration", program="flex"),
    Prerequisite("bison", "reads a kernel's configuration", program="bison"),
    Prerequisite("bc", "computes constants of a kernel", program="bc"),
    Prerequisite("libelf-dev", "lets a kernel's build check its objects", file=Path("/usr/include/gelf.h")),
    Prerequisite("xz-utils", "unpacks a kernel's source", program="xz"),
)
"""What building a kernel needs in addition, for the embedded device with `kernel=debian-source`."""


STRICT_BUILD = (Prerequisite("secilc", "compiles a security policy", program="secilc"),)
"""What the embedded device with `android=user` or `android=userdebug` needs in addition to that."""


RUST_BUILD = (
    Prerequisite("bubblewrap", "runs the build of the driver in Rust in a root of its own", program="bwrap"),
)
"""What building the driver in Rust needs in addition, for the embedded device with `driver=rust`."""
BUILDS = (*KERNEL_BUILD, *STRICT_BUILD, *RUST_BUILD)


def missing(architecture: Architecture = DEFAULT) -> list[Prerequisite]:
    """What devices of this architecture need and the system does not have."""
    return [
        prerequisite
        for prerequisite in PREREQUISITES
        if architecture in prerequisite.architectures and not prerequisite.present
    ]


def package_of(program: str) -> str | None:
    """Debian's package for a program that this project runs."""
    known = (*PREREQUISITES, *BUILDS)
    return next((needed.package for needed in known if needed.program == program), None)


def install_command(packages: list[str]) -> str:
    """The command that installs packages on Debian, for the user who runs this."""
    by_root = "" if os.geteuid() == 0 else "sudo "
    return f"{by_root}apt-get install --no-install-recommends {' '.join(packages)}"


if __name__ == "__main__":
    everything = (*PREREQUISITES, *BUILDS)
    absent = [needed.package for needed in everything if needed.architectures and not needed.present]
    print(*dict.fromkeys(absent))
