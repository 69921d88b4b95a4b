"""What /proc shows of the whole system: kernel version, configuration, modules, file systems, file limits."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass

from harness.kernel.files import Files
from harness.kernel.parsing import matched_lines, only_line

VERSION_PATH = "/proc/version"
CONFIG_PATH = "/proc/config.gz"
MODULES_PATH = "/proc/modules"
FILESYSTEMS_PATH = "/proc/filesystems"
FILE_MAX_PATH = "/proc/sys/fs/file-max"
FILE_NR_PATH = "/proc/sys/fs/file-nr"

_VERSION = re.compile(r"Linux version (?P<release>\S+) .*")
_MODULE = re.compile(
    r"(?P<name>\S+) (?P<size>\d+) (?P<users>-|\d+) (?P<used_by>\S+) (?P<state>\S+) 0x(?P<address>[0-9a-f]+)"
    r"(?P<rest>.*)"
)
_FILESYSTEM = re.compile(r"(?P<nodev>nodev)?\t(?P<name>\S+)\s*")
_FILE_COUNT = re.compile(r"(?P<allocated>\d+)\s+(?P<unused>\d+)\s+(?P<maximum>\d+)\s*")
_NUMBER = re.compile(r"(\d+)\s*")
_SETTING = re.compile(r"(?P<name>CONFIG_\w+)=(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class KernelVersion:
    """/proc/version."""

    release: str
    """Such as `6.12.57+deb12-amd64`."""
    text: str
    """The whole line: builder, compiler, date."""


@dataclass(frozen=True, slots=True)
class Module:
    """One loaded module in /proc/modules (kernel: kernel/module/procfs.c)."""

    name: str
    size: int
    """Bytes of kernel memory."""
    users: int | None
    """References to it; None if the kernel cannot unload modules."""
    used_by: tuple[str, ...]
    state: str
    """Live, Loading or Unloading."""
    address: int
    """Its address; 0 unless the reader may see kernel addresses."""
    rest: str
    """Taint letters, as printed."""


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """/proc/sys/fs/file-nr: open file descriptions of the whole system."""

    allocated: int
    unused: int
    """Always 0 since Linux 2.6."""
    maximum: int


def parse_version(text: str, *, path: str = VERSION_PATH) -> KernelVersion:
    """Parse /proc/version; raises MalformedFileError."""
    match = only_line(_VERSION, text, path=path, form="Linux version RELEASE …")
    return KernelVersion(match["release"], match[0])


def parse_modules(text: str, *, path: str = MODULES_PATH) -> dict[str, Module]:
    """Parse /proc/modules; raises MalformedFileError."""
    return {
        match["name"]: Module(
            name=match["name"],
            size=int(match["size"]),
            users=None if match["users"] == "-" else int(match["users"]),
            used_by=tuple(name for name in match["used_by"].split(",") if name not in ("", "-")),
            state=match["state"],
            address=int(match["address"], 16),
            rest=match["rest"].strip(),
        )
        for match in matched_lines(_MODULE, text, path=path, form="NAME SIZE USERS USED_BY STATE ADDRESS")
    }


def parse_filesystems(text: str, *, path: str = FILESYSTEMS_PATH) -> dict[str, bool]:
    """Parse /proc/filesystems: whether each type needs a block device; raises MalformedFileError."""
    return {
        match["name"]: match["nodev"] is None
        for match in matched_lines(_FILESYSTEM, text, path=path, form="nodev<TAB>NAME")
    }


def parse_file_nr(text: str, *, path: str = FILE_NR_PATH) -> OpenFiles:
    """Parse /proc/sys/fs/file-nr; raises MalformedFileError."""
    match = only_line(_FILE_COUNT, text, path=path, form="ALLOCATED UNUSED MAXIMUM")
    return OpenFiles(*map(int, match.groups()))


def parse_config(text: str) -> dict[str, str]:
    """Parse a kernel configuration: `y`, `m`, or the value without quotes; unset options are absent."""
    matches = map(_SETTING.fullmatch, text.splitlines())
    return {match["name"]: match["value"].strip('"') for match in matches if match}


def read_version(files: Files) -> KernelVersion:
    """The running kernel's release and build."""
    return parse_version(files.read_text(VERSION_PATH))


def read_config(files: Files) -> dict[str, str] | None:
    """The running kernel's configuration; None if the kernel does not include it (IKCONFIG_PROC)."""
    try:
        packed = files.read_bytes(CONFIG_PATH)
    except FileNotFoundError:
        return None
    return parse_config(gzip.decompress(packed).decode())


def read_modules(files: Files) -> dict[str, Module]:
    """The loaded modules by name; none if the kernel is built without modules."""
    try:
        return parse_modules(files.read_text(MODULES_PATH))
    except FileNotFoundError:
        return {}


def read_filesystems(files: Files) -> dict[str, bool]:
    """The file system types of the running kernel, each with whether it needs a block device."""
    return parse_filesystems(files.read_text(FILESYSTEMS_PATH))


def read_file_max(files: Files) -> int:
    """How many open files the whole system may have."""
    form = "NUMBER"
    match = only_line(_NUMBER, files.read_text(FILE_MAX_PATH), path=FILE_MAX_PATH, form=form)
    return int(match[1])


def read_file_nr(files: Files) -> OpenFiles:
    """How many open files the whole system has."""
    return parse_file_nr(files.read_text(FILE_NR_PATH))
