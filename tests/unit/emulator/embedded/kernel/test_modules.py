from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from emulator.base.errors import SetupError
from emulator.embedded.kernel.modules import load_order, module_tree


def module(directory: Path, name: str, depends: str, *, suffix: str = ".xz") -> None:
    content = b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=" + name.encode() + b"\0"
    if suffix == ".xz":
        content = lzma.compress(content)
    elif suffix == ".gz":
        content = gzip.compress(content)
    elif suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    (directory / f"{name}.ko{suffix}").write_bytes(content)


def test_modules_come_after_what_they_depend_on_and_built_in_ones_not_at_all(tmp_path: Path) -> None:
    module(tmp_path, "virtio_net", "net_failover", suffix="")
    module(tmp_path, "net_failover", "failover", suffix=".zst")
    module(tmp_path, "failover", "", suffix=".gz")
    (tmp_path / "failover.ko.debug").write_bytes(b"its symbols")
    module(tmp_path, "binder_linux", "")
    (tmp_path / "modules.builtin").write_text("kernel/drivers/virtio/virtio-pci.ko\n")
    order = load_order(tmp_path, ["virtio_pci", "virtio_net", "binder_linux"])
    assert [name for name, _ in order] == ["failover", "net_failover", "virtio_net", "binder_linux"]
    assert all(content.startswith(b"\x7fELF") for _, content in order)


def test_binder_that_is_built_in_has_another_name(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("kernel/drivers/android/binder.ko\n")
    assert load_order(tmp_path, ["binder_linux"]) == []


def test_a_module_that_the_kernel_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("")
    with pytest.raises(SetupError, match="binder_linux"):
        load_order(tmp_path, ["binder_linux"])


@pytest.mark.parametrize("modules", ["lib/modules", "usr/lib/modules", "boot/lib/modules"])
def test_the_modules_of_a_kernel_are_found_above_its_image(tmp_path: Path, modules: str) -> None:
    tree = tmp_path / modules / "6.12.9"
    tree.mkdir(parents=True)
    (tmp_path / "boot").mkdir(exist_ok=True)
    image = tmp_path / "boot" / "vmlinuz"
    with pytest.raises(SetupError, match=r"6\.12\.9 lacks modules\.builtin"):
        module_tree(image, "6.12.9")
    (tree / "modules.builtin").touch()
    assert module_tree(image, "6.12.9") == tree
    assert module_tree(image, "6.12.10") is None


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".zst"])
def test_a_damaged_module_is_named(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "modules.builtin").write_text("")
    (tmp_path / f"binder_linux.ko{suffix}").write_bytes(b"cut off")
    with pytest.raises(SetupError, match=r"binder_linux\.ko\S+ is damaged"):
        load_order(tmp_path, ["binder_linux"])
