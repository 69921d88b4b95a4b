"""What a kernel of the user's own needs so that the embedded device runs on it and shows its evidence.

The options are those of android.config, with which our own kernel is built, and their values come from there.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError, UsageError, reason_of
from emulator.embedded.kernel.build import CONFIGURATION
from emulator.embedded.kernel.image_format import KernelImage, read_kernel_image

SECTIONS = {
    "The machine": ("The machine that QEMU emulates, and programs of its own architecture",),
    "Programs": ("File systems", "Network", "System calls"),
    "Evidence": ("Evidence",),
    "Security contexts": ("AOSP's service managers ask for the caller's security context",),
    "Binder": ("Binder, with binderfs",),
}
"""What our configuration's sections are for; a kernel of one's own needs no others."""
CHOICES = (
    *("64BIT", "NR_CPUS", "LOCALVERSION", "PROC_KCORE", "DEBUG_KERNEL", "BINFMT_SCRIPT", "NO_HZ_IDLE"),
    *("SECURITYFS", "SECURITY_SELINUX_DEVELOP"),
)
"""Options in these sections that are a matter of taste, or those of Android's own kernels."""
OF_X86 = ("HYPERVISOR_GUEST", "PARAVIRT", "KVM_GUEST", "PVH", "ACPI", "SERIAL_8250", "SERIAL_8250_CONSOLE")
OF_ARM = ("PCI_HOST_GENERIC", "SERIAL_AMBA_PL011", "SERIAL_AMBA_PL011_CONSOLE")
"""The host bridge and the console of QEMU's machine `virt`."""
MAY_BE_MODULES = ("VIRTIO_PCI", "VIRTIO_CONSOLE", "VIRTIO_NET", "ANDROID_BINDER_IPC")
"""The device loads these from the lib/modules beside the kernel."""
SPARED = ("ANDROID_BINDERFS",)
"""Debian's kernels lack it: binder devices are misc devices, then."""
IN_RUST = {"ANDROID_BINDER_IPC": "ANDROID_BINDER_IPC_RUST"}
EMBEDDED = re.compile(rb"IKCFG_ST(\x1f\x8b.*?)IKCFG_ED", re.DOTALL)
"""What CONFIG_IKCONFIG puts into a kernel (kernel/configs.c, Linux 6.12)."""
IMAGES = ("arch/x86/boot/bzImage", "arch/arm64/boot/Image", "vmlinux")
"""The kernel in a tree, the one that starts fastest first."""


class Purpose(StrEnum):
    """What an option is needed for."""

    RUN = "needed"
    """Without it the device does not start, or Binder is not there."""
    CLAIMS = "claims"
    """Without it some claims are not testable."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the kernel's configuration, without CONFIG_."""

    name: str
    value: str
    section: str

    @property
    def purpose(self) -> Purpose:
        """What it is needed for."""
        return Purpose.CLAIMS if self.section == "Evidence" or self.name in SPARED else Purpose.RUN


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of a kernel, as far as it is set, and where it was found."""

    values: Mapping[str, str]
    where: str

    @property
    def architecture(self) -> Architecture:
        """The architecture that it is for."""
        return AARCH64 if self.values.get("ARM64") == "y" else X86_64


@dataclass(frozen=True, slots=True)
class Lacking:
    """An option that a configuration lacks."""

    option: Option
    found: str | None
    """Its value there: `m` where it may not be a module; None where it is not set."""


def wanted(architecture: Architecture) -> list[Option]:
    """The options that a kernel of this architecture needs."""
    sections = {title: name for name, titles in SECTIONS.items() for title in titles}
    options: list[Option] = []
    section = ""
    for line in CONFIGURATION.read_text().splitlines():
        if line.startswith("#"):
            section = sections.get(line.removeprefix("# "), section)
        elif not line:
            section = ""
        name, _, value = line.removeprefix("CONFIG_").partition("=")
        if section and value and name not in CHOICES and not (architecture is AARCH64 and name in OF_X86):
            options.append(Option(name, value, section))
    if architecture is AARCH64:
        options += [Option(name, "y", "The machine") for name in OF_ARM]
    return options


def fragment(architecture: Architecture) -> str:
    """A fragment for the kernel's scripts/kconfig/merge_config.sh."""
    options = wanted(architecture)
    parts = [
        f"# {section}\n" + "".join(f"CONFIG_{o.name}={o.value}\n" for o in options if o.section == section)
        for section in SECTIONS
    ]
    return "\n".join(parts)


def lacking(options: Iterable[Option], configuration: Configuration) -> list[Lacking]:
    """The options that a configuration lacks, in their order."""
    found = ((option, _value(option.name, configuration.values)) for option in options)
    return [Lacking(option, value) for option, value in found if not _suffices(option, value)]


def _value(name: str, values: Mapping[str, str]) -> str | None:
    return values.get(name) or values.get(IN_RUST.get(name, name))


def _suffices(option: Option, value: str | None) -> bool:
    if option.value.startswith('"'):
        # A list, in which others may stand, too: of devices, or of security modules.
        needed, *_ = option.value.strip('"').split(",")
        return value is not None and needed in value.strip('"').split(",")
    return value == option.value or (value == "m" and option.name in MAY_BE_MODULES)


def image_in(path: Path) -> Path:
    """The kernel that a path names: itself, or the one built in that tree; UsageError without one."""
    if not path.is_dir():
        return path
    for name in IMAGES:
        if (path / name).is_file():
            return path / name
    raise UsageError(
        f"{path} has no kernel, neither {' nor '.join(IMAGES)}. Build one there: make -C {path} bzImage"
    )


def configuration_of(path: Path) -> Configuration:
    """The configuration of a kernel's tree or image.

    It is the tree's .config; of an image the one within it (CONFIG_IKCONFIG), else the config-RELEASE
    beside it, else the .config of the tree in which it lies. Raises UsageError without any.
    """
    if path.is_dir():
        return _read(path / ".config")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The kernel {path} cannot be read: {reason_of(error)}.") from error
    try:
        image = read_kernel_image(data)
    except SetupError as error:
        raise UsageError(f"{path}: {error}") from error
    within = _within(image)
    if within is not None:
        return Configuration(_values(within), f"{path} (CONFIG_IKCONFIG)")
    above = [directory / ".config" for directory in path.absolute().parents]
    for file in (path.parent / f"config-{image.release}", *above):
        if file.is_file():
            return _read(file)
    raise UsageError(
        f"{path} does not hold its configuration (CONFIG_IKCONFIG), and neither config-{image.release} "
        "beside it nor a .config above it is there. Give the kernel's tree."
    )


def _within(image: KernelImage) -> str | None:
    found = EMBEDDED.search(image.content)
    if found is None:
        return None
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(found[1]).decode(errors="replace")
    except zlib.error:
        return None


def _read(file: Path) -> Configuration:
    try:
        return Configuration(_values(file.read_text(errors="replace")), str(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {reason_of(error)}. Configure the kernel first.") from error


def _values(text: str) -> dict[str, str]:
    return dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE))
