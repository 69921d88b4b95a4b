"""The kernel's own memory: slab caches, the vmalloc area, and the totals in /proc/meminfo."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.kernel.files import Files
from harness.kernel.parsing import KIB, matched_lines

SLABINFO_PATH = "/proc/slabinfo"
VMALLOCINFO_PATH = "/proc/vmallocinfo"
MEMINFO_PATH = "/proc/meminfo"

_SLAB_HEADING_LINES = 2
_SLAB = re.compile(
    r"(?P<name>\S.*?)\s+(?P<active>\d+)\s+(?P<total>\d+)\s+(?P<size>\d+)\s+(?P<per_slab>\d+)\s+(?P<pages>\d+)"
    r"(?P<rest>(?: : .*)?)"
)
_AREA = re.compile(r"0x(?P<start>[0-9a-f]+)-0x(?P<end>[0-9a-f]+)\s+(?P<size>\d+)(?P<rest>(?: .*)?)")
_MEMORY = re.compile(r"(?P<name>[^:]+):\s+(?P<figure>\d+)(?P<unit> kB)?\s*")


@dataclass(frozen=True, slots=True)
class SlabCache:
    """One line of /proc/slabinfo (version 2.1; kernel: mm/slab_common.c)."""

    name: str
    active_objects: int
    total_objects: int
    object_size: int
    """Bytes, with the allocator's own overhead."""
    objects_per_slab: int
    pages_per_slab: int
    rest: str
    """The tunables and slab counts, as printed."""


@dataclass(frozen=True, slots=True)
class VmallocArea:
    """One area of kernel address space in /proc/vmallocinfo (kernel: s_show in mm/vmalloc.c).

    The addresses are hashed unless kptr_restrict and %p hashing are off: use the size.
    """

    start: int
    end: int
    size: int
    """Bytes, including the guard page."""
    caller: str
    """Who reserved it, such as `binder_mmap+0x4c/0x120`; empty if not recorded."""
    module: str
    """The caller's module; empty for built-in code."""
    words: tuple[str, ...]
    """Everything else on the line: `pages=2`, `vmalloc`, `ioremap`, `N0=2`, …"""


def parse_slabinfo(text: str, *, path: str = SLABINFO_PATH) -> dict[str, SlabCache]:
    """Parse /proc/slabinfo; raises MalformedFileError."""
    lines = matched_lines(
        _SLAB, text, path=path, form="NAME ACTIVE TOTAL SIZE PER_SLAB PAGES : …", skip=_SLAB_HEADING_LINES
    )
    return {
        match["name"]: SlabCache(
            name=match["name"],
            active_objects=int(match["active"]),
            total_objects=int(match["total"]),
            object_size=int(match["size"]),
            objects_per_slab=int(match["per_slab"]),
            pages_per_slab=int(match["pages"]),
            rest=match["rest"].removeprefix(" : ").strip(),
        )
        for match in lines
    }


def parse_vmallocinfo(text: str, *, path: str = VMALLOCINFO_PATH) -> tuple[VmallocArea, ...]:
    """Parse /proc/vmallocinfo; raises MalformedFileError."""
    return tuple(map(_area, matched_lines(_AREA, text, path=path, form="0xSTART-0xEND SIZE CALLER …")))


def _area(match: re.Match[str]) -> VmallocArea:
    words = match["rest"].split()
    caller = words.pop(0) if words and "+0x" in words[0] else ""
    module = words.pop(0).strip("[]") if caller and words and words[0].startswith("[") else ""
    return VmallocArea(
        start=int(match["start"], 16),
        end=int(match["end"], 16),
        size=int(match["size"]),
        caller=caller,
        module=module,
        words=tuple(words),
    )


def parse_meminfo(text: str, *, path: str = MEMINFO_PATH) -> dict[str, int]:
    """Parse /proc/meminfo: bytes, but counts of pages for HugePages_*; raises MalformedFileError."""
    return {
        match["name"]: int(match["figure"]) * (KIB if match["unit"] else 1)
        for match in matched_lines(_MEMORY, text, path=path, form="NAME: FIGURE kB")
    }


def read_slabinfo(files: Files) -> dict[str, SlabCache]:
    """The slab caches by name; needs root."""
    return parse_slabinfo(files.read_text(SLABINFO_PATH))


def read_vmallocinfo(files: Files) -> tuple[VmallocArea, ...]:
    """The areas reserved in the kernel's vmalloc space; needs root."""
    return parse_vmallocinfo(files.read_text(VMALLOCINFO_PATH))


def read_meminfo(files: Files) -> dict[str, int]:
    """The totals of the system's memory."""
    return parse_meminfo(files.read_text(MEMINFO_PATH))
