"""A process's mappings: addresses, backing files, memory usage and kernel flags."""

from __future__ import annotations

import bisect
import operator
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, SupportsIndex, TypeVar

from emulator.base.errors import HarnessError
from harness.kernel.concise import counted
from harness.kernel.files import Files
from harness.kernel.parsing import MalformedFileError, matched_lines, numbered_lines, to_bytes

VM_FLAG_MEANINGS = MappingProxyType(
    {
        "rd": "readable",
        "wr": "writable",
        "ex": "executable",
        "sh": "shared",
        "mr": "may be made readable",
        "mw": "may be made writable",
        "me": "may be made executable",
        "ms": "may be shared",
        "gd": "grows downwards",
        "pf": "pure frame numbers, no page structures",
        "dw": "writing to the mapped file is denied",
        "lo": "locked in memory",
        "io": "memory-mapped input and output",
        "sr": "read ahead, in sequence",
        "rr": "no read-ahead, random access",
        "dc": "not copied into a forked child",
        "de": "not expanded by mremap",
        "ac": "accounted against the memory limit",
        "nr": "no swap space is reserved",
        "ht": "huge TLB pages",
        "sf": "synchronous page faults",
        "ar": "meaning depends on the architecture",
        "wf": "zeroed in a forked child",
        "dd": "left out of core dumps",
        "sd": "written to since soft-dirty was last cleared",
        "mm": "mixed map: pages and pure frame numbers",
        "hg": "huge pages are advised",
        "nh": "huge pages are advised against",
        "mg": "identical pages may be merged",
        "bt": "arm64 guarded pages (BTI)",
        "mt": "arm64 memory tags (MTE)",
        "um": "userfaultfd watches missing pages",
        "uw": "userfaultfd watches writes",
        "ui": "userfaultfd watches minor faults",
        "ss": "shadow stack",
        "sl": "sealed",
        "lf": "locked on fault",
        "dp": "droppable under memory pressure",
        "gu": "may hold guard pages",
    }
)
"""The meaning of the two letters in VmFlags (kernel: show_smap_vma_flags in fs/proc/task_mmu.c)."""

_MAPPING = re.compile(
    r"(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) (?P<permissions>[r-][w-][x-][ps]) (?P<offset>[0-9a-f]+) "
    r"(?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+) (?P<inode>\d+) *(?P<path>.*)"
)
_MAPPING_FORM = "START-END PERMISSIONS OFFSET MAJOR:MINOR INODE PATH"
_ATTRIBUTE = re.compile(r"(?P<name>\w+):\s*(?P<value>.*?)\s*")


class AddressNotMappedError(HarnessError, LookupError):
    """No mapping of the process contains the address."""


@dataclass(frozen=True, slots=True, repr=False)
class Mapping:
    """One mapping, from `start` up to but not including `end`."""

    start: int
    end: int
    permissions: str
    """Such as `r--p`: readable, writable, executable, private or shared."""
    offset: int
    """Bytes into the backing file."""
    device: tuple[int, int]
    inode: int
    path: str
    """The file, with the kernel's ` (deleted)`; `[stack]` and other special names; empty if anonymous."""

    def __repr__(self) -> str:
        range_and_file = f"{self.start:#x}-{self.end:#x} {self.permissions} {self.path}".rstrip()
        return f"<{type(self).__name__} {range_and_file}: {self._summary()}>"

    def _summary(self) -> str:
        return f"{self.size:,} bytes"

    @property
    def size(self) -> int:
        """Bytes of address space."""
        return self.end - self.start

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.end


@dataclass(frozen=True, slots=True, repr=False)
class DetailedMapping(Mapping):
    """A mapping as /proc/PID/smaps shows it."""

    figures: dict[str, int]
    """Every value that the kernel prints in kB, in bytes, under the kernel's name: Rss, Private_Dirty, …"""
    vm_flags: frozenset[str]
    """The two-letter flags; VM_FLAG_MEANINGS explains them."""
    other: dict[str, str]
    """Attributes that are not sizes, as printed: THPeligible, ProtectionKey, …"""

    def _summary(self) -> str:
        resident = f", {self.rss:,} with a page" if "Rss" in self.figures else ""
        return f"{self.size:,} bytes{resident}; VmFlags {' '.join(sorted(self.vm_flags))}"

    @property
    def rss(self) -> int:
        """Resident bytes: those that have a page now."""
        return self.figures["Rss"]

    @property
    def page_size(self) -> int:
        """Bytes in one page of this mapping."""
        return self.figures["KernelPageSize"]

    @property
    def explained_flags(self) -> dict[str, str]:
        """Each flag with its meaning."""
        return {flag: VM_FLAG_MEANINGS.get(flag, "unknown flag") for flag in sorted(self.vm_flags)}


AnyMapping = TypeVar("AnyMapping", bound=Mapping)


class Maps(Generic[AnyMapping]):
    """All mappings of a process, in ascending order of addresses."""

    def __init__(self, mappings: Iterable[AnyMapping]) -> None:
        self._mappings = tuple(mappings)
        self._starts = [mapping.start for mapping in self._mappings]

    def __iter__(self) -> Iterator[AnyMapping]:
        return iter(self._mappings)

    def __len__(self) -> int:
        return len(self._mappings)

    def __repr__(self) -> str:
        return f"<Maps of {counted(len(self), 'mapping')}>"

    def at(self, address: SupportsIndex) -> AnyMapping:
        """The mapping that contains `address`; raises AddressNotMappedError."""
        wanted = operator.index(address)
        index = bisect.bisect_right(self._starts, wanted) - 1
        if index >= 0 and wanted in self._mappings[index]:
            return self._mappings[index]
        raise AddressNotMappedError(
            f"address {wanted:#x} is in none of the process's {len(self)} mappings: "
            "it was never mapped, or is unmapped again"
        )

    def of_file(self, path: str) -> tuple[AnyMapping, ...]:
        """The mappings backed by `path`, exactly as the kernel prints it."""
        return tuple(mapping for mapping in self._mappings if mapping.path == path)


def _mapping(match: re.Match[str]) -> Mapping:
    return Mapping(
        start=int(match["start"], 16),
        end=int(match["end"], 16),
        permissions=match["permissions"],
        offset=int(match["offset"], 16),
        device=(int(match["major"], 16), int(match["minor"], 16)),
        inode=int(match["inode"]),
        path=match["path"],
    )


def _detailed(mapping: Mapping, attributes: dict[str, str]) -> DetailedMapping:
    sizes = {name: to_bytes(value) for name, value in attributes.items()}
    return DetailedMapping(
        start=mapping.start,
        end=mapping.end,
        permissions=mapping.permissions,
        offset=mapping.offset,
        device=mapping.device,
        inode=mapping.inode,
        path=mapping.path,
        figures={name: size for name, size in sizes.items() if size is not None},
        vm_flags=frozenset(attributes.get("VmFlags", "").split()),
        other={
            name: value for name, value in attributes.items() if sizes[name] is None and name != "VmFlags"
        },
    )


def parse_maps(text: str, *, path: str = "/proc/PID/maps") -> Maps[Mapping]:
    """Parse /proc/PID/maps; raises MalformedFileError."""
    return Maps(map(_mapping, matched_lines(_MAPPING, text, path=path, form=_MAPPING_FORM)))


def parse_smaps(text: str, *, path: str = "/proc/PID/smaps") -> Maps[DetailedMapping]:
    """Parse /proc/PID/smaps; unknown attributes are kept. Raises MalformedFileError."""
    found: list[tuple[Mapping, dict[str, str]]] = []
    for number, line in numbered_lines(text):
        heading = _MAPPING.fullmatch(line)
        attribute = _ATTRIBUTE.fullmatch(line)
        if heading:
            found.append((_mapping(heading), {}))
        elif attribute and found:
            found[-1][1][attribute["name"]] = attribute["value"]
        else:
            raise MalformedFileError(path, number, line, f"{_MAPPING_FORM}, or NAME: VALUE below such a line")
    return Maps(_detailed(mapping, attributes) for mapping, attributes in found)


def read_maps(files: Files, pid: int) -> Maps[Mapping]:
    """The process's mappings without details; far cheaper than `read_smaps`, which walks every page table."""
    path = f"/proc/{pid}/maps"
    return parse_maps(files.read_text(path), path=path)


def read_smaps(files: Files, pid: int) -> Maps[DetailedMapping]:
    """The process's mappings with their sizes and flags."""
    path = f"/proc/{pid}/smaps"
    return parse_smaps(files.read_text(path), path=path)
