"""Finds a device's kernel, one of Debian's or the user's own, and the modules to load."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.errors import SetupError, UsageError
from emulator.cache.packages import PackageIndex, recorded_version, unpack
from emulator.cache.store import entry, fingerprint
from emulator.embedded.kernel import image_format
from emulator.embedded.kernel import modules as kernel_modules
from emulator.embedded.kernel.build import built_kernel
from emulator.embedded.kernel.debian_kernels import BUILT_HERE, DEFAULT_PAGES, VERSIONS, debian_package
from emulator.embedded.kernel.image_format import KernelImage, read_kernel_image
from emulator.embedded.kernel.modules import load_order, module_tree

WANTED_MODULES = ("virtio_pci", "virtio_console", "virtio_net", "binder_linux")
"""The modules that the device needs, where the kernel does not have them built in."""
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


def find_kernel(version: str, architecture: Architecture | None = None, pages: str | None = None) -> Kernel:
    """The kernel that a target names: a version of Debian's, or the path of a kernel image.

    Without `architecture` and `pages` (4k, 16k), an image has its own; of Debian's kernels it is the one for
    x86_64 with pages of 4 KiB. Raises UsageError where the image has others, or Debian has no such kernel.
    """
    if version not in VERSIONS:
        return _own_kernel(Path(version), architecture, pages)
    package = debian_package(version, architecture or DEFAULT, pages or DEFAULT_PAGES)
    if version == BUILT_HERE:
        release, image = built_kernel(package, architecture or DEFAULT)
        return Kernel(architecture or DEFAULT, f"{package}={release}, built here", image, ())
    return _debian_kernel(version, package, architecture or DEFAULT)


def _debian_kernel(version: str, series: str, architecture: Architecture) -> Kernel:
    def newest(index: PackageIndex) -> str | None:
        name = index.dependency(series, rf"linux-image-{version.partition('-')[0]}\.")
        release = index.version(name) if name else None
        return f"{name}={release}" if release else None

    package = recorded_version(series, newest, architecture)

    def download(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as scratch:
            unpacked = Path(scratch)
            unpack(series, [package], unpacked, architecture)
            (file,) = (unpacked / "boot").glob("vmlinuz-*")
            image = read_kernel_image(file.read_bytes())
            _store(image, _modules(file, image), target)

    key = fingerprint(package, *_recipe())
    return _stored(architecture, package, entry(package.partition("=")[0], key, download))


def _own_kernel(file: Path, architecture: Architecture | None, pages: str | None) -> Kernel:
    try:
        image = read_kernel_image(file.read_bytes())
        modules = _modules(file, image)
    except OSError as error:
        raise UsageError(f"The kernel {file} cannot be read: {error.strerror}.") from error
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


def _modules(file: Path, image: KernelImage) -> list[tuple[str, bytes]]:
    """Names and contents of the modules to load; none for a kernel with Binder built in and no modules."""
    tree = module_tree(file, image.release)
    if tree:
        return load_order(tree, WANTED_MODULES)
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
