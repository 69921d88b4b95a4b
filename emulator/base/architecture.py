"""What differs between processor architectures: one record for each, for every module that needs to know.

This module needs only the standard library, so that a bare Python can run emulator.base.prerequisites.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from emulator.base.errors import UsageError

LINKER_FLAGS = ("-Wl,-z,max-page-size=65536",)
"""For every link of a program that runs on a device: it loads where pages have 4, 16 or 64 KiB.

x86-64 is no exception: the SDK's `_ps16k` images emulate pages of 16 KiB on it (developer.android.com/guide/
practices/page-sizes, “Set up the Android emulator with a 16 KB-based Android system image”), while lld aligns
the segments of x86-64 programs to 4 KiB unless told otherwise.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Architecture:
    """One architecture. Each exists once, so two are equal only where they are the same object."""

    name: str
    """As in `uname -m`."""
    target_name: str
    """As in a target's option `arch`."""
    debian_name: str
    """As in Debian's packages."""

    # The kernel and its tools
    elf_machine: int
    """EM_… (include/uapi/linux/elf-em.h)."""
    o_directory: int
    """O_DIRECTORY, one of the few flags that differ (include/uapi/asm-generic/fcntl.h,
    arch/arm64/include/uapi/asm/fcntl.h)."""
    syscall_prefix: str
    """The prefix of sys_NAME in a system call's symbol (arch/*/include/asm/syscall_wrapper.h)."""
    parameter_registers: tuple[str, ...]
    """The registers that hold a function's parameters, as kprobe definitions name them."""

    # QEMU and the board that it emulates
    qemu_program: str
    qemu_package: str
    """Debian's package of that program."""
    qemu_machine: str
    """The machine model (qemu(1), -machine)."""
    qemu_cpu: str
    """The processor model under emulation (qemu(1), -cpu)."""
    console: str
    """The kernel's name for the first serial port."""
    kernel_arguments: tuple[str, ...] = ()
    """Kernel arguments for this board alone."""

    def __str__(self) -> str:
        return self.name

    @property
    def gnu_triplet(self) -> str:
        """The compiler target with glibc; also the directory of Debian's libraries below /usr/lib."""
        return f"{self.name}-linux-gnu"

    @property
    def musl_triplet(self) -> str:
        """The compiler target with musl, for static programs."""
        return f"{self.name}-linux-musl"

    @property
    def native(self) -> bool:
        """Whether this machine has it."""
        return self.name == platform.machine()


X86_64 = Architecture(
    name="x86_64",
    target_name="x86_64",
    debian_name="amd64",
    elf_machine=62,
    o_directory=0o200000,
    syscall_prefix="__x64_",
    parameter_registers=("di", "si", "dx", "cx", "r8", "r9"),  # System V ABI
    qemu_program="qemu-system-x86_64",
    qemu_package="qemu-system-x86",
    qemu_machine="q35",
    # With `erms`, the kernel moves memory by `rep movsb` (arch/x86/lib): QEMU executes each byte alone.
    # With `smap`, QEMU keeps the addresses apart that the kernel uses for a process (MMU_KNOSMAP_IDX).
    qemu_cpu="max,erms=off,smap=off",
    console="ttyS0",
    kernel_arguments=("8250.nr_uarts=1", "no_timer_check"),
)
AARCH64 = Architecture(
    name="aarch64",
    target_name="arm64",
    debian_name="arm64",
    elf_machine=183,
    o_directory=0o40000,
    syscall_prefix="__arm64_",
    parameter_registers=("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"),  # AAPCS64
    qemu_program="qemu-system-aarch64",
    qemu_package="qemu-system-arm",
    # The newest interrupt controller: the default one serves eight processors at most.
    qemu_machine="virt,gic-version=max",
    # Emulated pointer authentication takes three times as long as everything else of a start together.
    qemu_cpu="max,pauth=off",
    console="ttyAMA0",
)
ARCHITECTURES = {architecture.name: architecture for architecture in (X86_64, AARCH64)}
"""Those that agents and devices are built for, by name."""
BY_TARGET_NAME = {architecture.target_name: architecture for architecture in ARCHITECTURES.values()}
DEFAULT = X86_64
"""The architecture of a device unless its target names another."""


def architecture_named(name: str) -> Architecture:
    """The architecture that `uname -m` calls `name`; UsageError for one that nothing is built for."""
    if name not in ARCHITECTURES:
        raise UsageError(
            f"The architecture {name!r} is not supported: devices and agents are built for "
            f"{' and '.join(ARCHITECTURES)}."
        )
    return ARCHITECTURES[name]
