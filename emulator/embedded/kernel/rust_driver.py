"""Builds Binder's driver in Rust as a module of one of Debian's kernels, from Debian's own source of it.

Debian's kernels support drivers in Rust, but have Binder's in C. The names of symbols in Rust depend on the
compiler: so the tools come from the kernel's own suite, unpacked below the cache, and run in a sandbox whose
root file system they are. Nothing is installed, and no network is reached from there.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from emulator.base.architecture import Architecture, architecture_named
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.prerequisites import RUST_BUILD, install_command
from emulator.base.progress import step
from emulator.cache.package_index import Suites
from emulator.cache.packages import unpack, unpack_all
from emulator.cache.remedies import FULL_DISK
from emulator.cache.root import cache_root
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint
from emulator.embedded.kernel.build import lost_options
from emulator.embedded.kernel.debian_kernels import START
from emulator.embedded.kernel.suites import KernelPackages

MODULE = "rust_binder"
SOURCE = "drivers/android/binder"
"""The directory of the driver's sources (Linux 6.18)."""
TOOLS = (
    *("base-files", "bash", "coreutils", "dash", "diffutils", "findutils", "gawk", "grep", "sed", "tar"),
    *("bc", "bison", "flex", "kmod", "make", "perl", "python3-minimal", "xz-utils"),
    *("libc6-dev", "libelf-dev", "libssl-dev", "pahole"),
    *("bindgen", "clang", "rust-src", "rustc"),
)
"""Packages with what builds a module in Rust, beside the C compiler that the kernel was built with."""
OPTIONS = """\
# CONFIG_ANDROID_BINDER_IPC is not set
CONFIG_ANDROID_BINDER_IPC_RUST=y
CONFIG_ANDROID_BINDER_DEVICES="binder,hwbinder,vndbinder"
"""
"""What differs from Debian's configuration."""
ROOM = 5 * 1000**3
"""Bytes that the tools (1.9 GB), the source (1.8 GB) and what is built take together, until it is built."""
STEP_SECONDS = 3600.0
UNDEFINED = re.compile(r"undefined!|disagrees about version|no symbol version")
"""What modpost prints where the kernel lacks a symbol (scripts/mod/modpost.c)."""


def rust_driver(kernel: KernelPackages, architecture: Architecture) -> Path:
    """The module rust_binder.ko for one of Debian's kernels: built at the first use, then kept.

    That takes 7 minutes of processor time, 500 MB of downloads and 5 GB of disk meanwhile. On a machine of
    another architecture than the kernel's, Debian's cross compiler is used. Raises SetupError where a
    package, a program or the room is missing, or where the tools are not those that the kernel was built
    with.
    """
    image, _, version = kernel.packages[0].partition("=")
    release = image.removeprefix(START)
    here = architecture_named(platform.machine())

    def build(target: Path) -> None:
        _require_prerequisites()
        with scratch_directory(target.parent) as scratch:
            root, tree = scratch / "root", scratch / "build"
            root.mkdir()
            tree.mkdir()
            recorded = kernel.record, kernel.suites
            with step(f"unpacking what the kernel {release} was built with"):
                unpack(recorded[0], [f"linux-headers-{release}={version}"], root, architecture, recorded[1])
                compiler = compiler_of(_headers(root, release), release)
                packages = [
                    f"{source_package(release)}={version}",
                    *compiler_packages(compiler, here),
                    *TOOLS,
                ]
                unpack_all(packages, root, here, build_suites(kernel.suites), recorded=recorded)
            _build(root, tree, release, make_command(compiler, release, architecture, here))
            (tree / SOURCE / f"{MODULE}.ko").rename(target / f"{MODULE}.ko")

    key = fingerprint(*kernel.packages, Path(__file__))
    return entry(f"{MODULE}-{release}", key, build) / f"{MODULE}.ko"


def source_package(release: str) -> str:
    """Debian's package with the source of a kernel."""
    return f"linux-source-{'.'.join(release.split('.')[:2])}"


def build_suites(suites: Suites) -> Suites:
    """The suites that the tools come from: backports have only what differs from the suite below them."""
    both = [(suite.removesuffix("-backports"), suite) for suite in suites]
    return tuple(dict.fromkeys(name for names in both for name in names))


def _require_prerequisites() -> None:
    absent = [needed.package for needed in RUST_BUILD if not needed.present]
    if absent:
        raise SetupError(
            "Building the driver in Rust needs what this machine lacks. Install it:\n  "
            f"{install_command(absent)}"
        )
    free = shutil.disk_usage(cache_root()).free
    if free < ROOM:
        raise SetupError(
            f"Building the driver in Rust takes {ROOM / 1e9:.0f} GB below {cache_root()} meanwhile, and "
            f"{free / 1e9:.1f} GB are free there. Free some, or set BINDER_HARNESS_CACHE to a directory with "
            "room."
        )


def _headers(root: Path, release: str) -> Path:
    """Where the package with a kernel's headers has its configuration, and the versions of its symbols."""
    return root / "usr/src" / f"linux-headers-{release}"


def _build(root: Path, tree: Path, release: str, make: Sequence[str]) -> None:
    (root / "usr/bin/awk").symlink_to("gawk")  # what the package's installation would do
    (root / "build").mkdir()
    headers = _headers(root, release)

    def sandboxed(*command: str) -> None:
        def fix(output: str) -> str:
            return remedy(output, release)

        run((*sandbox(root, tree), *command), seconds=STEP_SECONDS, needs=fix)

    with step(f"unpacking the source of {release}"):
        tarball = f"/usr/src/{source_package(release)}.tar.xz"
        sandboxed("tar", "--extract", "--file", tarball, "--strip-components=1")
    (tree / ".config").write_text(f"{(headers / '.config').read_text()}\n{OPTIONS}")
    with step(f"preparing the source of {release} for modules in Rust"):
        sandboxed(*make, "olddefconfig")
        lost = lost_options(OPTIONS, (tree / ".config").read_text())
        if lost:
            raise SetupError(
                f"The source of {release} does not take {', '.join(lost)}: the suite's rustc, bindgen or "
                "clang is none that it can be built with (scripts/rust_is_available.sh). Choose another "
                "kernel, or the driver in C."
            )
        sandboxed(*make, "modules_prepare")
    shutil.copy(headers / "Module.symvers", tree)
    with step(f"compiling Binder's driver in Rust for {release}"):
        # As a module, though its option has no such value.
        sandboxed(*make, f"M={SOURCE}", "CONFIG_ANDROID_BINDER_IPC_RUST=m", "modules")


def compiler_of(headers: Path, release: str) -> str:
    """The C compiler that a kernel was built with, such as aarch64-linux-gnu-gcc-14."""
    configuration = (headers / ".config").read_text()
    compiler = re.search(r'^CONFIG_CC_VERSION_TEXT="(\S+-gcc-\d+) ', configuration, flags=re.MULTILINE)
    if compiler is None:
        raise SetupError(f"The configuration of {release} names no compiler (CONFIG_CC_VERSION_TEXT).")
    return compiler[1]


def compiler_packages(compiler: str, here: Architecture) -> list[str]:
    """Debian's packages of that compiler, and of the same version for this machine's own programs."""
    triplet, version = _parts(compiler)
    crossing = [] if triplet == here.gnu_triplet else [f"{version}-{triplet.replace('_', '-')}"]
    return [version, *crossing]


def make_command(compiler: str, release: str, architecture: Architecture, here: Architecture) -> list[str]:
    """The beginning of each make: with a kernel's compiler, for its release and its architecture."""
    triplet, version = _parts(compiler)
    crossing = [f"ARCH={architecture.target_name}", f"CROSS_COMPILE={triplet}-"]
    return [
        "make",
        f"CC={compiler}",
        f"HOSTCC={here.gnu_triplet}-{version}",
        f"KERNELRELEASE={release}",
        f"--jobs={os.cpu_count() or 1}",
        *([] if architecture is here else crossing),
    ]


def _parts(compiler: str) -> tuple[str, str]:
    """The target of a compiler, and its name with the version."""
    triplet, name, version = compiler.rsplit("-", 2)
    return triplet, f"{name}-{version}"


def sandbox(root: Path, tree: Path) -> Sequence[str]:
    """The beginning of a command that runs with `root` as its root, which it cannot change, in `tree`."""
    environment = {"PATH": "/usr/bin:/usr/sbin", "HOME": "/tmp", "LC_ALL": "C.UTF-8"}
    return (
        *("bwrap", "--die-with-parent", "--unshare-all", "--clearenv"),
        *(word for name, value in environment.items() for word in ("--setenv", name, value)),
        *("--ro-bind", str(root), "/", "--bind", str(tree), "/build", "--chdir", "/build"),
        *("--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
    )


def remedy(output: str, release: str) -> str:
    """What usually fixes a failed build with this output."""
    if "No space left" in output:
        return FULL_DISK
    if UNDEFINED.search(output):
        return (
            f"A symbol of {release} has another version or is not there: its suite now has other tools than "
            "those that the kernel was built with. Choose a newer kernel."
        )
    if "bwrap:" in output:
        return "The sandbox needs user namespaces: allow them, or run as root."
    return f"Choose another kernel than {release}, or the driver in C."
