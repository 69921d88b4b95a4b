"""/proc/kcore: the kernel's view of physical memory, to read a page frame without a process's mapping."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from enum import IntEnum

from emulator.base.errors import HarnessError
from harness.kernel.files import Files
from harness.kernel.parsing import MalformedFileError

KCORE_PATH = "/proc/kcore"

_ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
_ET_CORE = 4
_PT_LOAD = 1
_NO_ADDRESS = (1 << 64) - 1


class ElfField(IntEnum):
    """The indices of the needed fields in the unpacked ELF header (`Elf64_Ehdr`)."""

    IDENTIFICATION = 0
    TYPE = 1
    PROGRAM_HEADER_OFFSET = 5
    PROGRAM_HEADER_SIZE = 9
    PROGRAM_HEADER_COUNT = 10


class PhysicalMemoryError(HarnessError, LookupError):
    """The physical address is in no segment of /proc/kcore."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One loadable segment: the position of its bytes in the file, and the memory they show."""

    offset: int
    """p_offset: bytes into /proc/kcore."""
    virtual_address: int
    physical_address: int | None
    """p_paddr; None for vmalloc, modules and others that have no single physical address."""
    size: int

    def position(self, address: int, size: int) -> int | None:
        """The position of the physical range in the file; None unless all of it is in this segment."""
        start = self.physical_address
        if start is None or address < start or address + size > start + self.size:
            return None
        return self.offset + address - start


class Kcore:
    """Reads physical memory. Works with KASLR and on arm64: it uses only the addresses in the ELF headers."""

    def __init__(self, files: Files, path: str = KCORE_PATH) -> None:
        self._files = files
        self._path = path

    @functools.cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The loadable segments, read once: they do not move while the kernel runs.

        Raises OSError (PermissionError without root, FileNotFoundError if the kernel has no
        PROC_KCORE) and MalformedFileError.
        """
        header = self._read(0, _ELF_HEADER.size)
        fields = _ELF_HEADER.unpack(header)
        is_elf64 = fields[ElfField.IDENTIFICATION].startswith(_ELF64_LITTLE_ENDIAN)
        if not is_elf64 or fields[ElfField.TYPE] != _ET_CORE:
            raise MalformedFileError(self._path, 1, header.hex(), "a 64-bit little-endian ELF core header")
        if fields[ElfField.PROGRAM_HEADER_SIZE] != _PROGRAM_HEADER.size:
            raise MalformedFileError(self._path, 1, header.hex(), f"headers of {_PROGRAM_HEADER.size} bytes")
        table = self._read(
            fields[ElfField.PROGRAM_HEADER_OFFSET],
            _PROGRAM_HEADER.size * fields[ElfField.PROGRAM_HEADER_COUNT],
        )
        loadable = [row for row in _PROGRAM_HEADER.iter_unpack(table) if row[0] == _PT_LOAD]
        # The vmalloc area has -1; if no segment has, the kernel is older than 4.11 and writes only zeros.
        has_physical = any(physical == _NO_ADDRESS for _, _, _, _, physical, *_ in loadable)
        return tuple(
            Segment(offset, virtual, physical if has_physical and physical != _NO_ADDRESS else None, size)
            for _, _, offset, virtual, physical, size, *_ in loadable
        )

    def read_physical(self, address: int, size: int) -> bytes:
        """`size` bytes at a physical address (frame number times page size).

        Raises PhysicalMemoryError if the range is not RAM that the kernel maps.
        """
        for segment in self.segments:
            position = segment.position(address, size)
            if position is not None:
                return self._read(position, size)
        ranges = ", ".join(
            f"{segment.physical_address:#x}+{segment.size:#x}"
            for segment in self.segments
            if segment.physical_address is not None
        )
        raise PhysicalMemoryError(
            f"physical address {address:#x} + {size} is in no segment of {self._path}, which shows "
            f"{ranges or 'no physical addresses at all'}: not RAM, or not mapped by the kernel"
        )

    def _read(self, offset: int, size: int) -> bytes:
        data = self._files.read_at(self._path, offset, size)
        if len(data) != size:
            raise EOFError(f"{self._path}: {len(data)} of {size} bytes at {offset:#x}")
        return data
