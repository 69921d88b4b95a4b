"""Reads the description of a machine that plain QEMU can start: a TOML file, every word of it checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.embedded.board import BOARDS
from emulator.embedded.machine import ADBD_PORT, Disk, Hardware
from emulator.errors import UsageError

EXAMPLE = """
architecture = "x86_64"                 # or aarch64
kernel = "bzImage"                      # left out where the first disk starts by itself
initramfs = "ramdisk.img"
arguments = ["console=ttyS0"]           # for the kernel
memory = 2048                           # MiB
processors = 2
acceleration = "auto"                   # auto, kvm or tcg
adbd_port = 5555                        # where the device's adbd listens
ready_line = "boot completed"           # on its console: when it is worth connecting
ready_property = "sys.boot_completed=1" # and when it is up
start_seconds = 300                     # how long it may take

[[disk]]                                # read only: what is written ends with the device, or its restart
file = "system.img"
format = "raw"                          # or qcow2
"""
"""Every key there is. Files are looked for beside the description."""

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


@dataclass(frozen=True)
class Description:
    """What an image file says: the machine, and how to see that it has started."""

    hardware: Hardware
    """Its acceleration may still be `auto`."""
    ready_line: str | None
    """Part of a line on the console."""
    ready_property: tuple[str, str] | None
    """Name and value of a property."""
    start_seconds: float


def read_description(path: Path) -> Description:
    """What the file at `path` says; UsageError, with all that may stand there, for anything else."""
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read as the description of an image: {error}") from error
    _check(values, _TYPES, path)
    disks = values.get("disk", [])
    for disk in disks:
        if not isinstance(disk, dict):
            raise _wrong(path, "disk is a table: write [[disk]]")
        _check(disk, _DISK_TYPES, path)
        if "file" not in disk:
            raise _wrong(path, "a disk lacks its file")
    if not disks and "kernel" not in values:
        raise _wrong(path, "it names neither a kernel nor a disk to start from")
    if values.get("acceleration", "auto") not in ("auto", "kvm", "tcg"):
        raise _wrong(path, f"acceleration is auto, kvm or tcg, not {values['acceleration']!r}")
    if values.get("architecture", "x86_64") not in BOARDS:
        raise _wrong(path, f"architecture is {' or '.join(BOARDS)}, not {values['architecture']!r}")
    if not all(isinstance(word, str) for word in values.get("arguments", [])):
        raise _wrong(path, "arguments is a list of strings")
    name, separator, value = values.get("ready_property", "").partition("=")
    if name and not separator:
        raise _wrong(path, "ready_property is NAME=VALUE")
    return Description(
        Hardware(
            kernel=_file(path, values.get("kernel")),
            initramfs=_file(path, values.get("initramfs")),
            architecture=values.get("architecture", Hardware.architecture),
            disks=tuple(
                Disk(_existing(path, disk["file"]), disk.get("format", Disk.format)) for disk in disks
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


def _check(values: Mapping[str, object], types: Mapping[str, type], path: Path) -> None:
    for key, value in values.items():
        if key not in types:
            raise _wrong(path, f"there is no key {key!r}")
        if type(value) is not types[key]:
            raise _wrong(path, f"{key} is of type {types[key].__name__}, not {type(value).__name__}")
        if type(value) is int and value <= 0:
            raise _wrong(path, f"{key} is more than 0")


def _file(path: Path, name: str | None) -> Path | None:
    return None if name is None else _existing(path, name)


def _existing(path: Path, name: str) -> Path:
    file = path.parent / name
    if not file.is_file():
        raise _wrong(path, f"there is no file {file}")
    return file


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"{path}: {what}. It may hold:\n{EXAMPLE}")
