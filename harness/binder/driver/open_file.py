"""An open binder file: the descriptor and the mapping by which one process uses a binder device."""

from __future__ import annotations

import contextlib
import mmap
import os
from typing import Self

from harness.agent.errors import AgentDiedError
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.argument_types import checked_methods

DRIVER_MAPPING_LIMIT = 4 * 1024 * 1024
"""The driver uses no more than this of a larger mapping (binder_alloc.c, binder_alloc_mmap_handler)."""
MAP_NORESERVE = 0x4000
"""mmap(2) reserves no swap space; include/uapi/asm-generic/mman-common.h."""
OPEN_FLAGS = os.O_RDWR | os.O_CLOEXEC


def binder_vm_size(page_size: int) -> int:
    """What libbinder maps: 1 MiB less two pages (ProcessState.cpp, BINDER_VM_SIZE, Android 8 and later)."""
    return 1024 * 1024 - 2 * page_size


@checked_methods
class OpenFile:
    """A binder device that a process has open and mapped, and the received buffers in the mapping."""

    def __init__(self, process: RemoteProcess, path: str, descriptor: int, mapping: int, size: int) -> None:
        self.process = process
        self.path = path
        self.descriptor = descriptor
        self.mapping = mapping
        """Address of the mapping."""
        self.size = size
        """Bytes mapped."""
        self.held: dict[int, int] = {}
        """Received buffers that are not freed yet: their addresses and sizes, as the driver rounds them."""
        self.targets: dict[int, OpenFile] = {}
        """Whose nodes our handles refer to, as far as it is known; for the message of a too large call."""
        self._open = True

    @classmethod
    def open(
        cls, process: RemoteProcess, path: str, *, size: int | None = None, flags: int = OPEN_FLAGS
    ) -> Self:
        """Open the device and map `size` bytes, by default as many as libbinder; raises OSError."""
        descriptor = process.syscall("openat", AT_FDCWD, os.fsencode(path), flags, 0)
        size = binder_vm_size(process.page_size) if size is None else size
        try:
            mapping = process.syscall(
                "mmap", 0, size, mmap.PROT_READ, mmap.MAP_PRIVATE | MAP_NORESERVE, descriptor, 0
            )
        except BaseException:
            process.syscall("close", descriptor)
            raise
        return cls(process, path, descriptor, mapping, size)

    def __str__(self) -> str:
        return f"{self.path} of process {self.process.pid}"

    @property
    def is_open(self) -> bool:
        """Whether close() was not called yet."""
        return self._open

    @property
    def room(self) -> int:
        """Bytes of the mapping that no received buffer takes, by our own count."""
        return min(self.size, DRIVER_MAPPING_LIMIT) - sum(self.held.values())

    def close(self) -> None:
        """Unmap and close; does nothing the second time, or if the process is dead."""
        if self._open:
            self._open = False
            with contextlib.suppress(AgentDiedError):
                self.process.syscall("munmap", self.mapping, self.size)
                self.process.syscall("close", self.descriptor)
