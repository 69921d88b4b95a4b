"""Debian's stock kernel as a device's: downloaded, its image uncompressed, its modules chosen."""

from __future__ import annotations

import lzma
import re
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from emulator.cache import entry, fingerprint
from emulator.command import run
from emulator.errors import SetupError
from emulator.packages import PackageIndex, forget_version, package_index, recorded_version

META_PACKAGE = "linux-image-6.12-amd64"
WANTED_MODULES = ("virtio_pci", "virtio_console", "virtio_net", "binder_linux")
"""What the device's machine model and its subject need, where the kernel has not built them in."""


@dataclass(frozen=True)
class Kernel:
    """A kernel ready to boot."""

    release: str
    """As `uname -r` says it."""
    package: str
    """The Debian package, with its version: `NAME=VERSION`."""
    image: Path
    """The uncompressed ELF image, which QEMU starts through its PVH entry without decompressing anything."""
    modules: tuple[Path, ...]
    """Uncompressed modules in the order in which they must be loaded."""


def debian_kernel() -> Kernel:
    """The kernel that this machine's Debian sources offer, from the cache or downloaded now."""
    package = recorded_version(META_PACKAGE, _concrete_package)
    directory = entry(
        package.partition("=")[0],
        fingerprint(package, Path(__file__)),
        lambda target: _download(package, target),
    )
    return Kernel(
        release=(directory / "release").read_text(),
        package=package,
        image=directory / "vmlinux",
        modules=tuple(sorted((directory / "modules").iterdir())),
    )


def _concrete_package(index: PackageIndex) -> str | None:
    name = index.dependency(META_PACKAGE, r"linux-image-\d")
    version = index.version(name) if name else None
    return f"{name}={version}" if version else None


def _download(package: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        with package_index() as index:
            try:
                archive = index.download(package, Path(scratch))
            except SetupError:
                forget_version(META_PACKAGE)
                raise
        unpacked = Path(scratch) / "unpacked"
        run(["dpkg-deb", "--extract", archive, unpacked], seconds=300)
        (compressed,) = (unpacked / "boot").glob("vmlinuz-*")
        release = compressed.name.partition("-")[2]
        (target / "release").write_text(release)
        (target / "vmlinux").write_bytes(uncompressed_image(compressed.read_bytes()))
        (target / "modules").mkdir()
        # Debian moved /lib below /usr in packages from 2024 on; both places are looked at.
        (tree,) = [*unpacked.glob("lib/modules/*"), *unpacked.glob("usr/lib/modules/*")]
        for position, (name, content) in enumerate(load_order(tree, WANTED_MODULES)):
            (target / "modules" / f"{position:02}-{name}.ko").write_bytes(content)


def uncompressed_image(image: bytes) -> bytes:
    """The ELF image inside a bzImage.

    The setup header gives its place: payload_offset and payload_length at 0x248 count from the
    protected-mode code, which starts after the setup sectors counted at 0x1f1
    (Documentation/arch/x86/boot.rst, boot protocol 2.08). Raises SetupError for anything else.
    """
    if len(image) < 0x250 or image[0x202:0x206] != b"HdrS":
        raise SetupError("The kernel is no x86 bzImage: it has no setup header.")
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (image[0x1F1] + 1) * 512 + offset
    payload = image[start : start + length]
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        # The payload ends in its uncompressed size, which is no part of the compressed frame.
        elf = zstandard.ZstdDecompressor().decompressobj().decompress(payload)
    elif payload.startswith(b"\xfd7zXZ"):
        elf = lzma.LZMADecompressor().decompress(payload)
    else:
        raise SetupError(
            f"The kernel's payload has an unknown compression: it begins with {payload[:6].hex()}."
        )
    if not elf.startswith(b"\x7fELF"):
        raise SetupError("The kernel's payload is no ELF image.")
    return elf


def load_order(tree: Path, wanted: Sequence[str]) -> list[tuple[str, bytes]]:
    """Name and content of the wanted modules and all they depend on, each after its dependencies.

    A module that is built into the kernel (modules.builtin) is left out. Raises SetupError for one
    that the kernel has in no form.
    """
    files = {file.name.partition(".")[0].replace("-", "_"): file for file in tree.rglob("*.ko*")}
    built_in = {Path(line).stem.replace("-", "_") for line in (tree / "modules.builtin").read_text().split()}
    ordered: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in ordered or name in built_in:
            return
        if name not in files:
            raise SetupError(f"The kernel {tree.name} has no {name}, neither as a module nor built in.")
        content = files[name].read_bytes()
        if files[name].suffix == ".xz":
            content = lzma.decompress(content)
        # .modinfo lists dependencies as one NUL-terminated string.
        depends = re.search(rb"\0depends=([^\0]*)\0", content)
        for dependency in depends[1].decode().split(",") if depends else ():
            if dependency:
                add(dependency.replace("-", "_"))
        ordered[name] = content

    for name in wanted:
        add(name)
    return list(ordered.items())
