"""The disks of an AVD as the SDK's emulator treats them, in a model that tests can read.

A disk is a JSON file: the marks that guests wrote to it, one for each start; what it had in each of its
snapshots; and the file below it, whose marks are its own until it is written to. The rules, from
platform/external/qemu:

- android-qemu2-glue/drive-share.cpp, parseQemuOptForQcow2: a disk is made where there is none, and anew,
  without its snapshots, where version_num.cache is missing or names another image. It lies on the image
  beside it, which it names relative to itself.
- the same file, android_drive_share_init and drive_init: with `-read-only` the guest writes to a temporary
  disk. But where read-snapshot.txt does not name the snapshot asked for (default_boot where none is), the
  disk itself is opened for writing and rolled back to that snapshot, and read-snapshot.txt written. Without
  `-read-only` it is emptied.
- QEMU's migration/savevm.c, load_snapshot: starting from a snapshot gives the disk what the snapshot holds.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

DISK = "userdata-qemu.img.qcow2"
IMAGE = "userdata-qemu.img"
VERSION = "version_num.cache"
READ_SNAPSHOT = "read-snapshot.txt"
DEFAULT_SNAPSHOT = "default_boot"
"""snapshot/Quickboot.h, kDefaultBootSnapshot."""


@dataclass
class Disk:
    """A model of a qcow2 file."""

    below: str = IMAGE
    """The file below it: absolute, or relative to its directory."""
    marks: list[str] | None = None
    """None where everything is as in the file below."""
    snapshots: dict[str, list[str]] = field(default_factory=dict)


def read(file: Path) -> Disk:
    """The disk in a file."""
    return Disk(**json.loads(file.read_text()))


def write(file: Path, disk: Disk) -> None:
    """Put a disk into a file."""
    file.write_text(json.dumps(asdict(disk)))


def marks(file: Path) -> list[str]:
    """What a guest reads from the disk."""
    if file.name == IMAGE:
        return file.read_text().split()
    disk = read(file)
    return marks(file.parent / disk.below) if disk.marks is None else disk.marks


def open_disk(content: Path, *, image_version: str, snapshot: str, load: bool, read_only: bool) -> list[str]:
    """Open an AVD's disk as the emulator does, and have the guest write a mark; all that it then has."""
    disk_file, version = content / DISK, content / VERSION
    if not disk_file.exists() or not version.exists() or version.read_text().strip() != image_version:
        if not (content / IMAGE).exists():
            (content / IMAGE).write_text("")
        write(disk_file, Disk())
        version.write_text(f"{image_version}\n")
    asked, record = snapshot or DEFAULT_SNAPSHOT, content / READ_SNAPSHOT
    if not read_only:
        record.write_text("")
    elif not record.exists() or record.read_text() != asked:
        disk = read(disk_file)
        if asked in disk.snapshots:
            disk.marks = disk.snapshots[asked]
            write(disk_file, disk)
        record.write_text(asked)
    if read_only:
        with tempfile.NamedTemporaryFile("w", suffix=".qcow2", delete=False) as temporary:
            below, disk_file = disk_file, Path(temporary.name)
        write(disk_file, Disk(str(below), snapshots={asked: marks(below)}))
    disk = read(disk_file)
    if load:
        disk.marks = disk.snapshots[snapshot]
    disk.marks = [*(marks(disk_file) if disk.marks is None else disk.marks), "written"]
    write(disk_file, disk)
    if read_only:
        disk_file.unlink()
    return disk.marks
