"""Which kernel a target gets: Debian's by name, or the user's own image."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import UsageError
from emulator.embedded.device import image_of
from emulator.embedded.kernel.find import find_kernel
from emulator.embedded.kernel.image_format import read_kernel_image
from emulator.embedded.strict import option
from emulator.target import parse_target
from tests.unit.emulator.embedded.kernel.test_image_format import CODE, arm64_image, elf
from tests.unit.emulator.embedded.kernel.test_modules import module


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))


def test_ones_own_kernel_brings_its_modules(tmp_path: Path) -> None:
    tree = tmp_path / "lib" / "modules" / "6.12.9-test"
    tree.mkdir(parents=True)
    (tree / "modules.builtin").write_text("virtio_pci.ko\nvirtio_console.ko\nvirtio_net.ko\n")
    module(tree, "binder_linux", "")
    file = tmp_path / "vmlinux"
    file.write_bytes(elf())
    kernel = find_kernel(str(file))
    assert kernel.architecture is X86_64
    assert kernel.image.read_bytes() == elf()
    assert [path.name for path in kernel.modules] == ["00-binder_linux.ko"]


def test_modules_without_the_list_of_what_is_built_in_are_named(tmp_path: Path) -> None:
    (tmp_path / "lib" / "modules" / "6.12.9-test").mkdir(parents=True)
    file = tmp_path / "vmlinux"
    file.write_bytes(elf())
    with pytest.raises(UsageError, match=r"lib/modules/6\.12\.9-test lacks modules\.builtin"):
        find_kernel(str(file))


BINDER = CODE + b"BINDER_SET_CONTEXT_MGR already set\n"


def test_ones_own_kernel_may_have_all_of_it_built_in(tmp_path: Path) -> None:
    file = tmp_path / "Image"
    file.write_bytes(arm64_image(0b1100, BINDER))
    kernel = find_kernel(str(file), AARCH64, "16k")
    assert (kernel.architecture, kernel.modules) == (AARCH64, ())
    assert find_kernel(str(file)) == kernel, "the image itself names its architecture and page size"


def test_a_kernel_without_its_modules_is_distinguished_from_one_that_needs_none(tmp_path: Path) -> None:
    file = tmp_path / "vmlinux"
    file.write_bytes(elf())
    with pytest.raises(UsageError, match=r"no lib/modules/6\.12\.9-test in .* or a directory above"):
        find_kernel(str(file))


@pytest.mark.parametrize(("architecture", "pages"), [(X86_64, None), (None, "4k"), (X86_64, "4k")])
def test_an_image_for_another_device_is_refused(
    tmp_path: Path, architecture: Architecture | None, pages: str | None
) -> None:
    file = tmp_path / "Image"
    file.write_bytes(arm64_image(0b1100, BINDER))
    with pytest.raises(UsageError, match="for aarch64 with pages of 16k"):
        find_kernel(str(file), architecture, pages)


def test_a_file_that_is_no_kernel_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a kernel")
    with pytest.raises(UsageError, match=r"notes\.txt: This is not a kernel"):
        find_kernel(str(file))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("kernel=6.12&pages=16k", "Add arch=arm64"),
        ("kernel=debian-source&arch=arm64", "for x86_64 with pages of 4 KiB alone"),
        ("kernel=debian-source&arch=arm64&pages=16k", "for x86_64 with pages of 4 KiB alone"),
    ],
)
def test_a_combination_that_cannot_exist_is_refused(options: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        parse_target(f"embedded?{options}")


def test_a_target_takes_a_kernel_by_version_or_by_path(tmp_path: Path) -> None:
    file = tmp_path / "bzImage"
    file.touch()
    assert parse_target(f"embedded?kernel={file}").option("kernel") == str(file)
    assert parse_target("embedded?kernel=6.1").option("kernel") == "6.1"
    with pytest.raises(UsageError, match="There is no file /nonexistent/bzImage"):
        parse_target("embedded?kernel=/nonexistent/bzImage")
    with pytest.raises(UsageError, match="There is no file /long"):
        parse_target(f"embedded?kernel=/{'long' * 100}")
    assert parse_target("embedded?kernel=7.3-rt").option("kernel") == "7.3-rt"
    with pytest.raises(UsageError, match=r"takes a series .*-source, or the path of an image, not 'six'"):
        parse_target("embedded?kernel=six")


def test_managers_need_the_program_that_userland_none_leaves_out() -> None:
    assert parse_target("embedded?managers=all&userland=10").option("managers") == "all"
    with pytest.raises(UsageError, match="userland=none leaves out the program that managers=all starts"):
        parse_target("embedded?managers=all&userland=none")


def test_the_driver_in_rust_is_taken_from_beside_that_in_c(tmp_path: Path) -> None:
    tree = tmp_path / "lib" / "modules" / "6.12.9-test"
    tree.mkdir(parents=True)
    (tree / "modules.builtin").write_text("virtio_pci.ko\nvirtio_console.ko\nvirtio_net.ko\nbinder.ko\n")
    file = tmp_path / "vmlinux"
    file.write_bytes(elf())
    with pytest.raises(UsageError, match="has no rust_binder"):
        find_kernel(str(file), in_rust=True)
    module(tree, "rust_binder", "")
    assert [path.name for path in find_kernel(str(file), in_rust=True).modules] == ["00-rust_binder.ko"]
    assert find_kernel(str(file)).modules == ()


@pytest.mark.parametrize(
    ("name", "options", "hint"),
    [
        ("rust_binder", "", "Or add driver=rust to the target: it has the driver in Rust."),
        ("binder_linux", "&driver=rust", "Or remove driver=rust from the target: it has the driver in C."),
        ("none", "", "Enable it in the kernel's configuration."),
    ],
)
def test_where_a_kernel_has_only_the_other_driver_the_option_is_named(
    tmp_path: Path, name: str, options: str, hint: str
) -> None:
    tree = tmp_path / "lib" / "modules" / "6.12.9-test"
    tree.mkdir(parents=True)
    (tree / "modules.builtin").write_text("virtio_pci.ko\nvirtio_console.ko\nvirtio_net.ko\n")
    module(tree, name, "")
    file = tmp_path / "vmlinux"
    file.write_bytes(elf())
    with pytest.raises(UsageError, match=r"has no (binder_linux|rust_binder), neither") as refused:
        image_of(parse_target(f"embedded?kernel={file}{options}"))
    assert str(refused.value).endswith(hint)


@pytest.mark.parametrize("architecture", [X86_64, AARCH64])
def test_the_driver_in_rust_may_be_built_in(tmp_path: Path, architecture: Architecture) -> None:
    """As ANDROID_BINDER_IPC_RUST=y leaves it (drivers/android/binder/Makefile: rust_binder.o)."""
    loaded = b"rust_binder: Loaded Rust Binder.\n"
    file = tmp_path / "image"
    file.write_bytes(elf() + loaded if architecture is X86_64 else arm64_image(0b0100, CODE + loaded))
    assert find_kernel(str(file), in_rust=True).modules == (), "it has no modules at all"
    tree = tmp_path / "lib" / "modules" / read_kernel_image(file.read_bytes()).release
    tree.mkdir(parents=True)
    built_in = ("kernel/drivers/android/binder/rust_binder.ko", "virtio_pci.ko", "virtio_console.ko")
    (tree / "modules.builtin").write_text("\n".join(built_in))
    module(tree, "virtio_net", "")
    kernel = find_kernel(str(file), in_rust=True)
    assert (kernel.architecture, [path.name for path in kernel.modules]) == (
        architecture,
        ["00-virtio_net.ko"],
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("driver=rust&kernel=debian-source", "has the driver in C"),
        ("driver=rust&android=user", "has the driver in C"),
        ("driver=rust&kernel=6.1", "Linux 6.1 has Binder's driver in C alone"),
        ("driver=rust&kernel=6.12-rt", r"Linux 6\.12-rt .* came with 6\.18\. Remove kernel=6\.12-rt"),
        ("driver=go", "takes c or rust"),
        ("append=a%0ab", "takes printable text"),
    ],
)
def test_drivers_and_arguments_that_cannot_be_had_are_refused(options: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        parse_target(f"embedded?{options}")


@pytest.mark.parametrize("options", ["driver=rust&arch=arm64", "driver=rust&arch=arm64&pages=16k"])
def test_the_driver_in_rust_is_there_for_either_architecture(options: str) -> None:
    assert parse_target(f"embedded?{options}").option("arch") == "arm64"


def test_the_driver_in_rust_implies_a_kernel_that_can_have_it() -> None:
    assert option(parse_target("embedded?driver=rust"), "kernel") == "7.3"
    assert option(parse_target("embedded?driver=rust&kernel=7.2"), "kernel") == "7.2"
    assert option(parse_target("embedded?driver=rust&kernel=6.18"), "kernel") == "6.18"
    assert option(parse_target("embedded?driver=c"), "kernel") == "6.12"
