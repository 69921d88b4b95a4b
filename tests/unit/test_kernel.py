from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from emulator.embedded.kernel import load_order, uncompressed_image
from emulator.errors import SetupError

ELF = b"\x7fELF" + bytes(range(256)) * 40


def bzimage(payload: bytes, *, setup_sectors: int = 4, offset: int = 0x30) -> bytes:
    setup = bytearray((setup_sectors + 1) * 512)
    setup[0x1F1] = setup_sectors
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", setup, 0x248, offset, len(payload))
    return bytes(setup) + bytes(offset) + payload + b"what follows the payload"


@pytest.mark.parametrize("compress", [zstandard.ZstdCompressor().compress, lzma.compress])
def test_the_image_inside_is_found_and_uncompressed(compress: object) -> None:
    assert callable(compress)
    # The kernel's build appends the uncompressed size to the payload.
    payload = compress(ELF) + struct.pack("<I", len(ELF))
    assert uncompressed_image(bzimage(payload)) == ELF


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (b"", "no setup header"),
        (ELF, "no setup header"),
        (bzimage(b"LZO!" * 9), "unknown compression"),
        (bzimage(lzma.compress(b"no ELF")), "no ELF"),
    ],
)
def test_what_is_no_such_image_is_refused_with_the_reason(image: bytes, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        uncompressed_image(image)


def module(directory: Path, name: str, depends: str) -> None:
    content = b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=" + name.encode() + b"\0"
    (directory / f"{name}.ko.xz").write_bytes(lzma.compress(content))


def test_modules_come_after_what_they_depend_on_and_built_in_ones_not_at_all(tmp_path: Path) -> None:
    module(tmp_path, "virtio_net", "net_failover")
    module(tmp_path, "net_failover", "failover")
    module(tmp_path, "failover", "")
    module(tmp_path, "binder_linux", "")
    (tmp_path / "modules.builtin").write_text("kernel/drivers/virtio/virtio-pci.ko\n")
    names = [name for name, _ in load_order(tmp_path, ["virtio_pci", "virtio_net", "binder_linux"])]
    assert names == ["failover", "net_failover", "virtio_net", "binder_linux"]


def test_a_module_that_the_kernel_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("")
    with pytest.raises(SetupError, match="binder_linux"):
        load_order(tmp_path, ["binder_linux"])


@given(st.binary(max_size=2048))
def test_garbage_is_never_taken_for_a_kernel(image: bytes) -> None:
    with pytest.raises(SetupError):
        uncompressed_image(image)
