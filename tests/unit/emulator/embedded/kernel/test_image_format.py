from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.architecture import AARCH64, X86_64
from emulator.base.errors import SetupError
from emulator.embedded.kernel.image_format import read_kernel_image

BANNER = b"%s version %s (%s)\0Linux version 6.12.9-test (somebody@somewhere) (clang) #1 SMP\n\0"
CODE = bytes(range(256)) * 40 + BANNER


def elf(machine: int = 62) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + CODE


def bzimage(payload: bytes, *, setup_sectors: int = 4, offset: int = 0x30) -> bytes:
    setup = bytearray((setup_sectors + 1) * 512)
    setup[0x1F1] = setup_sectors
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", setup, 0x248, offset, len(payload))
    return bytes(setup) + bytes(offset) + payload + b"what follows the payload"


def arm64_image(flags: int, code: bytes = CODE) -> bytes:
    """Documentation/arch/arm64/booting.rst: flags at 24, the magic number at 56."""
    header = bytearray(64)
    struct.pack_into("<Q", header, 24, flags)
    header[56:60] = b"ARMd"
    return bytes(header) + code


@pytest.mark.parametrize("compress", [zstandard.ZstdCompressor().compress, lzma.compress, gzip.compress])
def test_the_image_inside_a_bzimage_is_found_and_uncompressed(compress: object) -> None:
    assert callable(compress)
    # The kernel's build appends the uncompressed size to the payload.
    image = read_kernel_image(bzimage(compress(elf()) + struct.pack("<I", len(elf()))))
    assert image.content == elf()
    assert (image.architecture, image.pages, image.release) == (X86_64, "4k", "6.12.9-test")


def test_a_vmlinux_is_taken_as_it_is() -> None:
    assert read_kernel_image(elf()).content == elf()


@pytest.mark.parametrize(("flags", "pages"), [(0b0010, "4k"), (0b1100, "16k"), (0b1110, "64k"), (0, "4k")])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_an_arm64_image_has_its_page_size_in_its_flags(flags: int, pages: str, compress: object) -> None:
    assert callable(compress)
    image = read_kernel_image(compress(arm64_image(flags)))
    assert image.content == arm64_image(flags)
    assert (image.architecture, image.pages, image.release) == (AARCH64, pages, "6.12.9-test")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "not a kernel: it begins with nothing"),
        (b"#!/bin/sh", "not a kernel: it begins with 23212f62696e"),
        (bzimage(b"LZO!" * 9), "unknown compression"),
        (bzimage(lzma.compress(elf()))[:2700], "truncated"),
        (bzimage(lzma.compress(b"no ELF")), "not an ELF"),
        (bzimage(lzma.compress(elf())[:40] + b"x" * 40), "payload is damaged"),
        (gzip.compress(elf())[:-4], "damaged gzip"),
        (elf(machine=40), "machine 40"),
        (elf().replace(b"Linux version", b"Minix version"), "names its release"),
        (arm64_image(2, b""), "names its release"),
    ],
)
def test_anything_but_a_kernel_is_refused_with_the_reason(image: bytes, reason: str) -> None:
    with pytest.raises(SetupError, match=reason):
        read_kernel_image(image)


@given(st.one_of(st.binary(max_size=2048), st.binary(max_size=512).map(bzimage)))
def test_garbage_is_never_taken_for_a_kernel(image: bytes) -> None:
    with pytest.raises(SetupError):
        read_kernel_image(image)


@pytest.mark.parametrize(
    ("compress", "wrap"),
    [
        (zstandard.ZstdCompressor().compress, bzimage),
        (lzma.compress, bzimage),
        (gzip.compress, bzimage),
        (gzip.compress, bytes),
    ],
)
def test_what_grows_without_limit_is_left(
    monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes], wrap: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr("emulator.embedded.kernel.image_format.LARGEST", 1 << 20)
    bomb = wrap(compress(elf() + bytes(50 << 20)))
    assert len(bomb) < 100_000
    with pytest.raises(SetupError, match="more than 1 MiB when uncompressed"):
        read_kernel_image(bomb)


@pytest.mark.parametrize("release", [b"../../6.12", b"6" * 65, b""])
def test_a_release_that_uname_cannot_have_is_none(release: bytes) -> None:
    with pytest.raises(SetupError, match="names its release"):
        read_kernel_image(elf().replace(b"6.12.9-test", release))
