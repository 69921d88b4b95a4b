"""Finds a device's kernel, one of Debian's or the user's own, and the modules to load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.errors import SetupError, UsageError, reason_of
from emulator.cache.packages import unpack
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint
from emulator.embedded.kernel import image_format
from emulator.embedded.kernel import modules as kernel_modules
from emulator.embedded.kernel.build import built_kernel
from emulator.embedded.kernel.debian_kernels import (
    BUILT_HERE,
    DEFAULT_PAGES,
    SERIES,
    SOURCE_PACKAGE,
    DebianKernel,
)
from emulator.embedded.kernel.image_format import KernelImage, read_kernel_image
from emulator.embedded.kernel.modules import load_order, module_tree
from emulator.embedded.kernel.rust_driver import MODULE, rust_driver
from emulator.embedded.kernel.suites import KernelPackages, find_packages

WANTED_MODULES = ("virtio_pci", "virtio_console", "virtio_net")
"""The modules that the device needs, where the kernel does not have them built in."""
DRIVERS = {False: "binder_linux", True: MODULE}
"""Binder's driver, which it needs as well: in C, and in Rust."""
IMAGES = ("boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz")
"""Where Debian's packages have the kernel's image."""
BUILT_IN = (b"BINDER_SET_CONTEXT_MGR", b"rust_binder")
"""Strings in a kernel that has the driver built in, in C and in Rust."""


@dataclass(frozen=True)
class Kernel:
    """A kernel ready to boot."""

    architecture: Architecture
    origin: str
    """The Debian package with its version, or the user's file."""
    image: Path
    """Uncompressed, in a format that QEMU starts."""
    modules: tuple[Path, ...]
    """Uncompressed modules, in load order."""


def find_kernel(
    version: str,
    architecture: Architecture | None = None,
    pages: str | None = None,
    *,
    in_rust: bool = False,
) -> Kernel:
    """The kernel that a target names: a version of Debian's, or the path of a kernel image.

    Without `architecture` and `pages` (4k, 16k), an image has its own; of Debian's kernels it is the one for
    x86_64 with pages of 4 KiB. With `in_rust`, its Binder driver is the one in Rust. Raises UsageError where
    the image has others, or Debian has no such kernel.
    """
    wanted = architecture or DEFAULT
    if version == BUILT_HERE:
        release, image = built_kernel(SOURCE_PACKAGE, wanted)
        return Kernel(wanted, f"{SOURCE_PACKAGE}={release}, built here", image, ())
    if SERIES.fullmatch(version):
        named = DebianKernel(version, wanted.target_name, pages or DEFAULT_PAGES)
        packages = find_packages(named, wanted)
        kernel = _debian_kernel(packages, wanted)
        return _with_driver_in_rust(kernel, packages) if in_rust else kernel
    return _own_kernel(Path(version), architecture, pages, in_rust=in_rust)


def _with_driver_in_rust(kernel: Kernel, packages: KernelPackages) -> Kernel:
    module = rust_driver(packages, kernel.architecture)
    others = tuple(other for other in kernel.modules if not other.stem.endswith(f"-{DRIVERS[False]}"))
    return replace(kernel, origin=f"{kernel.origin} with {module.name}", modules=(*others, module))


def _debian_kernel(found: KernelPackages, architecture: Architecture) -> Kernel:
    named_after_it = found.packages[0]

    def download(target: Path) -> None:
        with scratch_directory(target.parent) as unpacked:
            unpack(found.record, found.packages, unpacked, architecture, found.suites)
            file = _image_in(unpacked, named_after_it)
            image = read_kernel_image(file.read_bytes())
            _store(image, _modules(file, image), target)

    key = fingerprint(*found.packages, *_recipe())
    return _stored(architecture, named_after_it, entry(named_after_it.partition("=")[0], key, download))


def _image_in(unpacked: Path, package: str) -> Path:
    """The kernel's image: in /boot or, from 7.0 on, with its modules."""
    for place in IMAGES:
        for file in unpacked.glob(place):
            return file
    raise SetupError(
        f"The packages of {package} have no image: neither {' nor '.join(IMAGES)}. Choose another kernel."
    )


def _own_kernel(file: Path, architecture: Architecture | None, pages: str | None, *, in_rust: bool) -> Kernel:
    try:
        image = read_kernel_image(file.read_bytes())
        modules = _modules(file, image, in_rust=in_rust)
    except OSError as error:
        raise UsageError(f"The kernel {file} cannot be read: {reason_of(error)}.") from error
    except SetupError as error:
        raise UsageError(f"{file}: {error}") from error
    if architecture not in (None, image.architecture) or pages not in (None, image.pages):
        raise UsageError(
            f"The kernel {file} is for {image.architecture} with pages of {image.pages}, not for what the "
            "target names. Remove `arch` and `pages` from the target."
        )
    key = fingerprint(image.content, *(part for module in modules for part in module), *_recipe())
    directory = entry(f"kernel-{image.release}", key, lambda target: _store(image, modules, target))
    return _stored(image.architecture, f"{file.absolute()} {key}", directory)


def _modules(file: Path, image: KernelImage, *, in_rust: bool = False) -> list[tuple[str, bytes]]:
    """Names and contents of the modules to load; none for a kernel with Binder built in and no modules."""
    tree = module_tree(file, image.release)
    if tree:
        return load_order(tree, (*WANTED_MODULES, DRIVERS[in_rust]))
    if not any(name in image.content for name in BUILT_IN):
        raise SetupError(
            "It has no Binder built in, and its modules were not found: there is no "
            f"lib/modules/{image.release} in {file.parent} or a directory above it. Install its modules "
            "there (`make modules_install INSTALL_MOD_PATH=DIRECTORY`), or build Binder and virtio in."
        )
    return []


def _recipe() -> tuple[Path, ...]:
    return (Path(__file__), Path(image_format.__file__), Path(kernel_modules.__file__))


def _store(image: KernelImage, modules: list[tuple[str, bytes]], target: Path) -> None:
    (target / "kernel").write_bytes(image.content)
    (target / "modules").mkdir()
    for position, (name, content) in enumerate(modules):
        (target / "modules" / f"{position:02}-{name}.ko").write_bytes(content)


def _stored(architecture: Architecture, origin: str, directory: Path) -> Kernel:
    modules = tuple(sorted((directory / "modules").iterdir()))
    return Kernel(architecture, origin, directory / "kernel", modules)
