"""Gets a device's kernel: Debian's, downloaded, or one of the user's own; its modules chosen."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from emulator.base.errors import SetupError, UsageError
from emulator.cache.packages import PackageIndex, recorded_version, unpack
from emulator.cache.store import entry, fingerprint
from emulator.embedded.kernel import kernel_image
from emulator.embedded.kernel import modules as kernel_modules
from emulator.embedded.kernel.choice import MACHINES, VERSIONS, debian_package
from emulator.embedded.kernel.kernel_image import KernelImage, read_kernel_image
from emulator.embedded.kernel.modules import load_order, module_tree

WANTED_MODULES = ("virtio_pci", "virtio_console", "virtio_net", "binder_linux")
"""What the device's machine model and its subject need, where the kernel has not built them in."""
BUILT_IN = (b"BINDER_SET_CONTEXT_MGR", b"rust_binder")
"""Of a kernel's own messages and names, those of the driver in C and in Rust."""


@dataclass(frozen=True)
class Kernel:
    """A kernel ready to boot."""

    architecture: str
    """As `uname -m` says it."""
    origin: str
    """The Debian package with its version, or the user's file."""
    image: Path
    """What QEMU starts without decompressing anything."""
    modules: tuple[Path, ...]
    """Uncompressed modules in the order in which they must be loaded."""


def find_kernel(version: str, architecture: str | None = None, pages: str | None = None) -> Kernel:
    """The kernel that a target names: a version of Debian's, or the path of a kernel image.

    Without `architecture` and `pages` (as a target names them) it is the image's own, or of Debian's
    kernels the one for x86_64 with pages of 4 KiB. Raises UsageError where the image is for another
    architecture, or Debian has no such combination.
    """
    if version not in VERSIONS:
        return _own_kernel(Path(version), architecture, pages)
    return _debian_kernel(version, architecture or "x86_64", pages or "4k")


def _debian_kernel(version: str, architecture: str, pages: str) -> Kernel:
    series = debian_package(version, architecture, pages)
    machine = MACHINES[architecture]

    def newest(index: PackageIndex) -> str | None:
        name = index.dependency(series, rf"linux-image-{version.partition('-')[0]}\.")
        release = index.version(name) if name else None
        return f"{name}={release}" if release else None

    package = recorded_version(series, newest, machine)

    def download(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as scratch:
            unpacked = Path(scratch)
            unpack(series, [package], unpacked, machine)
            (file,) = (unpacked / "boot").glob("vmlinuz-*")
            image = read_kernel_image(file.read_bytes())
            _store(image, _modules(file, image), target)

    key = fingerprint(package, *_recipe())
    return _stored(machine, package, entry(package.partition("=")[0], key, download))


def _own_kernel(file: Path, architecture: str | None, pages: str | None) -> Kernel:
    try:
        image = read_kernel_image(file.read_bytes())
        modules = _modules(file, image)
    except OSError as error:
        raise UsageError(f"The kernel {file} cannot be read: {error.strerror}.") from error
    except SetupError as error:
        raise UsageError(f"{file}: {error}") from error
    wrong_architecture = architecture is not None and MACHINES[architecture] != image.architecture
    if wrong_architecture or (pages is not None and pages != image.pages):
        raise UsageError(
            f"The kernel {file} is for {image.architecture} with pages of {image.pages}: leave out what the "
            "target says of either."
        )
    key = fingerprint(image.content, *(part for module in modules for part in module), *_recipe())
    directory = entry(f"kernel-{image.release}", key, lambda target: _store(image, modules, target))
    return _stored(image.architecture, f"{file.absolute()} {key}", directory)


def _modules(file: Path, image: KernelImage) -> list[tuple[str, bytes]]:
    """What must be loaded; nothing for a kernel that has no modules and Binder built in."""
    tree = module_tree(file, image.release)
    if tree:
        return load_order(tree, WANTED_MODULES)
    if not any(name in image.content for name in BUILT_IN):
        raise SetupError(
            "It has no Binder built in, and its modules were not found: there is no "
            f"lib/modules/{image.release} in {file.parent} or a directory above it."
        )
    return []


def _recipe() -> tuple[Path, ...]:
    return (Path(__file__), Path(kernel_image.__file__), Path(kernel_modules.__file__))


def _store(image: KernelImage, modules: list[tuple[str, bytes]], target: Path) -> None:
    (target / "kernel").write_bytes(image.content)
    (target / "modules").mkdir()
    for position, (name, content) in enumerate(modules):
        (target / "modules" / f"{position:02}-{name}.ko").write_bytes(content)


def _stored(architecture: str, origin: str, directory: Path) -> Kernel:
    modules = tuple(sorted((directory / "modules").iterdir()))
    return Kernel(architecture, origin, directory / "kernel", modules)
