"""What a kernel of one's own needs, and where its configuration is found."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import UsageError
from emulator.embedded.kernel.build import CONFIGURATION
from emulator.embedded.kernel.configuration import (
    SECTIONS,
    Configuration,
    Purpose,
    configuration_of,
    fragment,
    image_in,
    lacking,
    wanted,
)

DEVICES = 'CONFIG_ANDROID_BINDER_DEVICES="binder,hwbinder,vndbinder"'
RELEASE = "6.12.48-mine"
BANNER = f"Linux version {RELEASE} (me) #1\n\0".encode()


def arm_image(*parts: bytes) -> bytes:
    head = bytearray(64)
    head[0x38:0x3C] = b"ARMd"
    return bytes(head) + BANNER + b"".join(parts)


def of(text: str) -> Configuration:
    values = dict(line.removeprefix("CONFIG_").split("=", 1) for line in text.splitlines() if "=" in line)
    return Configuration(values, "a test")


@pytest.mark.parametrize("architecture", [X86_64, AARCH64])
def test_a_kernel_with_the_fragment_lacks_nothing(architecture: Architecture) -> None:
    assert lacking(wanted(architecture), of(fragment(architecture))) == []


def test_the_fragment_is_what_our_own_kernel_is_built_with() -> None:
    lines = [line for line in fragment(X86_64).splitlines() if line.startswith("CONFIG_")]
    assert set(lines) <= set(CONFIGURATION.read_text().splitlines())
    assert {f"# {name}" for name in SECTIONS} < set(fragment(X86_64).splitlines())
    assert "CONFIG_ANDROID_BINDERFS=y" in lines
    assert not any("LOCALVERSION" in line or "KCORE" in line or "CMDLINE" in line for line in lines)


def test_a_machine_has_the_options_of_its_architecture() -> None:
    assert "CONFIG_PVH=y" in fragment(X86_64)
    assert "CONFIG_PVH=y" not in fragment(AARCH64)
    assert "CONFIG_SERIAL_AMBA_PL011_CONSOLE=y" in fragment(AARCH64)


@pytest.mark.parametrize(
    ("line", "instead", "found"),
    [
        ("CONFIG_ANDROID_BINDER_IPC=y", "CONFIG_ANDROID_BINDER_IPC=m", "nothing"),
        ("CONFIG_ANDROID_BINDER_IPC=y", "CONFIG_ANDROID_BINDER_IPC_RUST=y", "nothing"),
        ("CONFIG_ANDROID_BINDER_IPC=y", "", None),
        ("CONFIG_VIRTIO_NET=y", "CONFIG_VIRTIO_NET=m", "nothing"),
        ("CONFIG_TMPFS=y", "CONFIG_TMPFS=m", "m"),
        ('CONFIG_LSM="selinux"', 'CONFIG_LSM="landlock,selinux,bpf"', "nothing"),
        ('CONFIG_LSM="selinux"', 'CONFIG_LSM="landlock,apparmor"', '"landlock,apparmor"'),
        (
            DEVICES,
            'CONFIG_ANDROID_BINDER_DEVICES=""',
            '""',
        ),
        (
            DEVICES,
            'CONFIG_ANDROID_BINDER_DEVICES="binder"',
            "nothing",
        ),
    ],
)
def test_what_does_not_suffice_is_named(line: str, instead: str, found: str | None) -> None:
    missing = lacking(wanted(X86_64), of(fragment(X86_64).replace(f"{line}\n", f"{instead}\n")))
    assert [each.found for each in missing] == ([] if found == "nothing" else [found])


@pytest.mark.parametrize("name", ["KPROBES", "ANDROID_BINDERFS"])
def test_what_only_some_claims_need_is_marked(name: str) -> None:
    text = "".join(line for line in fragment(X86_64).splitlines(True) if f"CONFIG_{name}=" not in line)
    (missing,) = lacking(wanted(X86_64), of(text))
    assert (missing.option.name, missing.option.purpose) == (name, Purpose.CLAIMS)


def test_a_configuration_is_found_in_the_image_beside_it_or_in_the_tree(tmp_path: Path) -> None:
    image = tmp_path / "arch" / "arm64" / "boot" / "Image"
    image.parent.mkdir(parents=True)
    image.write_bytes(arm_image())
    with pytest.raises(UsageError, match=f"neither config-{RELEASE} beside it nor a .config above it"):
        configuration_of(image)
    (tmp_path / ".config").write_text("CONFIG_ARM64=y\n# CONFIG_PCI is not set\n")
    assert configuration_of(image) == configuration_of(tmp_path)
    assert configuration_of(image) == Configuration({"ARM64": "y"}, str(tmp_path / ".config"))
    assert configuration_of(image).architecture is AARCH64
    (image.parent / f"config-{RELEASE}").write_text("CONFIG_PCI=y\n")
    assert configuration_of(image).values == {"PCI": "y"}
    packed = gzip.compress(b'CONFIG_LSM="selinux"\n')
    image.write_bytes(arm_image(b"IKCFG_ST", packed, b"IKCFG_ED"))
    assert configuration_of(image).values == {"LSM": '"selinux"'}
    assert configuration_of(image).where == f"{image} (CONFIG_IKCONFIG)"
    image.write_bytes(arm_image(b"IKCFG_ST", packed[:2], b"damaged", b"IKCFG_ED"))
    assert configuration_of(image).values == {"PCI": "y"}


def test_what_is_no_kernel_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no kernel")
    for path, message in (
        (tmp_path / "none", "cannot be read: No such file"),
        (tmp_path / "text", "text: "),
        (tmp_path, "Configure the kernel first"),
    ):
        with pytest.raises(UsageError, match=message):
            configuration_of(path)


def test_a_tree_stands_for_the_kernel_that_was_built_in_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no kernel, neither arch/x86/boot/bzImage nor "):
        image_in(tmp_path)
    (tmp_path / "vmlinux").write_text("")
    assert image_in(tmp_path) == tmp_path / "vmlinux"
    assert image_in(tmp_path / "vmlinux") == tmp_path / "vmlinux"
