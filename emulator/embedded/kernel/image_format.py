"""Recognises a kernel image by its content and extracts the part that QEMU starts fastest."""

from __future__ import annotations

import lzma
import re
import struct
import zlib
from dataclasses import dataclass

import zstandard

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError

ELF = b"\x7fELF"
LARGEST = 512 * 1024 * 1024
"""Bytes of an uncompressed kernel; a distribution's has less than 100 MiB."""
ARM64_PAGES = {1: "4k", 2: "16k", 3: "64k"}
"""Bits 1 and 2 of an arm64 image's flags (Documentation/arch/arm64/booting.rst)."""


@dataclass(frozen=True)
class KernelImage:
    """An uncompressed kernel that QEMU starts."""

    content: bytes
    """An ELF image, started through its PVH entry, for x86_64; an `Image` for aarch64."""
    architecture: Architecture
    pages: str
    """Its page size: 4k, 16k or 64k."""
    release: str
    """As in `uname -r`."""


def read_kernel_image(data: bytes) -> KernelImage:
    """The kernel in a bzImage, a vmlinux, or an arm64 Image, any of them gzipped or not.

    Raises SetupError for anything else.
    """
    if data.startswith(b"\x1f\x8b"):
        try:
            data = uncompressed(".gz", data)
        except (EOFError, zlib.error) as error:
            raise SetupError(
                f"The kernel is a damaged gzip file: {error}. Copy or build it again."
            ) from error
    if data[0x38:0x3C] == b"ARMd" and len(data) >= 0x40:
        (flags,) = struct.unpack_from("<Q", data, 0x18)
        return KernelImage(data, AARCH64, ARM64_PAGES.get(flags >> 1 & 3, "4k"), _release(data))
    elf = data if data.startswith(ELF) else _uncompressed(data)
    (machine,) = struct.unpack_from("<H", elf.ljust(20, b"\0"), 18)
    if machine != X86_64.elf_machine:
        raise SetupError(
            f"The kernel is an ELF image for machine {machine}, which QEMU cannot start. Give a bzImage or "
            "vmlinux for x86_64, or an Image for arm64."
        )
    return KernelImage(elf, X86_64, "4k", _release(elf))


def _uncompressed(image: bytes) -> bytes:
    """The ELF image inside a bzImage.

    The setup header gives its position: payload_offset and payload_length at 0x248 count from the
    protected-mode code, which starts after the setup sectors counted at 0x1f1
    (Documentation/arch/x86/boot.rst, boot protocol 2.08).
    """
    if len(image) < 0x250 or image[0x202:0x206] != b"HdrS":
        raise SetupError(
            f"This is not a kernel: it begins with {image[:6].hex() or 'nothing'}. "
            "Give a bzImage, a vmlinux or an arm64 Image."
        )
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (image[0x1F1] + 1) * 512 + offset
    payload = image[start : start + length]
    if len(payload) < length or not payload:
        raise SetupError("The kernel is truncated: it ends inside its payload. Copy or build it again.")
    try:
        # The payload ends with its uncompressed size, which is not part of what is compressed.
        if payload.startswith(b"\x28\xb5\x2f\xfd"):
            elf = uncompressed(".zst", payload)
        elif payload.startswith(b"\xfd7zXZ"):
            elf = uncompressed(".xz", payload)
        elif payload.startswith(b"\x1f\x8b"):
            elf = uncompressed(".gz", payload)
        else:
            raise SetupError(
                f"The kernel's payload has an unknown compression: it begins with {payload[:6].hex()}. "
                "Build the kernel with gzip, xz or zstd (CONFIG_KERNEL_GZIP, …), or give its vmlinux."
            )
    except (zstandard.ZstdError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise SetupError(
            f"The kernel's payload is damaged: {error}. Copy or build the kernel again."
        ) from error
    if not elf.startswith(ELF):
        raise SetupError("The kernel's payload is not an ELF image. Give the kernel's vmlinux.")
    return elf


def uncompressed(suffix: str, content: bytes) -> bytes:
    """The content of a file with this suffix, or of what is compressed in the same way: its first part.

    Raises SetupError where it has more than 512 MiB, and what the library raises for a damaged one.
    """
    match suffix:
        case ".gz" | ".xz":
            decompressor = zlib.decompressobj(wbits=31) if suffix == ".gz" else lzma.LZMADecompressor()
            result = decompressor.decompress(content, LARGEST + 1)
            if not decompressor.eof and len(result) <= LARGEST:
                raise EOFError("it ends too early")
        case ".zst":
            with zstandard.ZstdDecompressor().stream_reader(content) as reader:
                result = reader.read(LARGEST + 1)
        case _:
            result = content
    if len(result) > LARGEST:
        raise SetupError(
            f"It has more than {LARGEST >> 20} MiB when uncompressed, which no kernel and no module has."
        )
    return result


def _release(image: bytes) -> str:
    # The banner in /proc/version (init/version.c); uname(2) has room for 64 characters.
    found = re.search(rb"Linux version ([^\s%/]{1,64}) \(", image)
    if not found:
        raise SetupError(
            "The kernel image has no “Linux version” line that names its release. Give an unmodified image."
        )
    return found[1].decode("ascii", "replace")
