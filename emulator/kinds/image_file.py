"""Reads the description of a machine that plain QEMU can start: a TOML file, every key and value checked."""

from __future__ import annotations

import os.path
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import ARCHITECTURES, DEFAULT
from emulator.base.errors import UsageError, did_you_mean, reason_of
from emulator.embedded.qemu.machine import ADBD_PORT, Disk, Hardware

EXAMPLE = """
architecture = "x86_64"                 # or aarch64
kernel = "bzImage"                      # unless a disk has a boot loader
initramfs = "ramdisk.img"
arguments = ["console=ttyS0"]           # for the kernel
memory = 2048                           # MiB
processors = 2
acceleration = "auto"                   # auto, kvm or tcg
adbd_port = 5555                        # where the device's adbd listens
ready_line = "boot completed"           # on its console: adb can connect
ready_property = "sys.boot_completed=1" # the device is up
start_seconds = 300                     # how long that may take

[[disk]]                                # writes end with the device
file = "system.img"
format = "raw"                          # or qcow2
"""
"""Every key. Relative files are beside the description."""

_SEE = "`binder-harness devices` shows every key."

_TYPES: Mapping[str, type] = {
    "architecture": str,
    "kernel": str,
    "initramfs": str,
    "arguments": list,
    "memory": int,
    "processors": int,
    "acceleration": str,
    "adbd_port": int,
    "ready_line": str,
    "ready_property": str,
    "start_seconds": int,
    "disk": list,
}
_DISK_TYPES: Mapping[str, type] = {"file": str, "format": str}
_TYPE_NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a fraction",
    bool: "a Boolean",
    list: "an array",
    dict: "a table",
}
_ACCELERATIONS = ("auto", "kvm", "tcg")


@dataclass(frozen=True)
class Description:
    """The content of an image file: the machine, and how to see that it has started."""

    hardware: Hardware
    """Its acceleration may still be `auto`."""
    ready_line: str | None
    """Part of a line on the console."""
    ready_property: tuple[str, str] | None
    """Name and value of a property."""
    start_seconds: float


def read_description(path: Path) -> Description:
    """Read the file at `path`; UsageError, with the line of what is wrong and what is valid there."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, ValueError) as error:  # what is no UTF-8 or no TOML, or has a number of 5,000 digits
        why = reason_of(error) if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read as the description of an image: {why}.\n{_SEE}") from error
    file = _File(path, text)
    disks = values.get("disk", [])
    if not isinstance(disks, list) or not all(isinstance(disk, dict) for disk in disks):
        raise file.wrong("each disk is a table of its own: write [[disk]]", "disk")
    file.check(values, _TYPES)
    for number, disk in enumerate(disks, 1):
        file.check(disk, _DISK_TYPES, number)
        if "file" not in disk:
            raise file.wrong(f"disk {number} lacks its file")
    if not disks and "kernel" not in values:
        raise file.wrong("it names neither a kernel nor a disk to start from")
    file.check_choice(values, "acceleration", _ACCELERATIONS)
    file.check_choice(values, "architecture", ARCHITECTURES)
    if not all(isinstance(word, str) for word in values.get("arguments", [])):
        raise file.wrong("arguments is an array of strings", "arguments")
    name, separator, value = values.get("ready_property", "").partition("=")
    if name and not separator:
        raise file.wrong(f"ready_property is NAME=VALUE, not {name!r}", "ready_property")
    return Description(
        Hardware(
            kernel=file.existing(values, "kernel"),
            initramfs=file.existing(values, "initramfs"),
            architecture=ARCHITECTURES[values.get("architecture", DEFAULT.name)],
            disks=tuple(
                Disk(file.beside(disk["file"], "file", number), disk.get("format", Disk.format))
                for number, disk in enumerate(disks, 1)
            ),
            memory_mib=values.get("memory", Hardware.memory_mib),
            processors=values.get("processors", Hardware.processors),
            acceleration=values.get("acceleration", "auto"),
            kernel_arguments=tuple(values.get("arguments", [])),
            adbd_port=values.get("adbd_port", ADBD_PORT),
        ),
        ready_line=values.get("ready_line"),
        ready_property=(name, value) if name else None,
        start_seconds=values.get("start_seconds", 300),
    )


@dataclass(frozen=True)
class _File:
    """An image file, and what can be wrong in it. Disks are numbered from 1."""

    path: Path
    text: str

    def check(self, values: Mapping[str, object], types: Mapping[str, type], disk: int = 0) -> None:
        for key, value in values.items():
            if key not in types:
                of = f" of disk {disk}" if disk else ""
                raise self.wrong(f"there is no key {key!r}{of}", key, disk, did_you_mean(key, types))
            if type(value) is not types[key]:
                is_one = _TYPE_NAMES.get(type(value), f"a {type(value).__name__}")
                raise self.wrong(f"{key} takes {_TYPE_NAMES[types[key]]}, not {is_one}", key, disk)
            if type(value) is int and value <= 0:
                raise self.wrong(f"{key} must be more than 0, not {value}", key, disk)

    def check_choice(self, values: Mapping[str, str], key: str, choices: Collection[str]) -> None:
        value = values.get(key)
        if value is not None and value not in choices:
            *others, last = choices
            valid = f"{', '.join(others)} or {last}"
            raise self.wrong(f"{key} must be {valid}, not {value!r}", key, near=did_you_mean(value, choices))

    def existing(self, values: Mapping[str, str], key: str) -> Path | None:
        return self.beside(values[key], key) if key in values else None

    def beside(self, name: str, key: str, disk: int = 0) -> Path:
        file = self.path.parent / name
        if not os.path.isfile(file):  # a name too long is none, too
            raise self.wrong(f"there is no file {file}", key, disk)
        return file

    def wrong(self, what: str, key: str = "", disk: int = 0, near: str = "") -> UsageError:
        line = self._line_of(key, disk) if key else None
        where = f", line {line}" if line else ""
        return UsageError(f"{self.path}{where}: {what}.{near}\n{_SEE}")

    def _line_of(self, key: str, disk: int) -> int | None:
        """The line of a key, from 1; None where that is ambiguous. `tomllib` does not report it."""
        wanted = re.compile(rf"\s*{re.escape(key)}\s*=" if disk else rf"\s*\[*\s*{re.escape(key)}\s*[]=.]")
        found = []
        disks = 0
        for number, line in enumerate(self.text.split("\n"), 1):
            disks += re.match(r"\s*\[\[\s*disk\s*\]\]", line) is not None
            if disks == disk and wanted.match(line):
                found.append(number)
        return found[0] if len(found) == 1 else None
