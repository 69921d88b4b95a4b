"""The memory of a process on the device, read and written from Python."""

from __future__ import annotations

import contextlib
from typing import Self

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.agent.errors import AgentDiedError
from harness.agent.operations import Digest, Fill, Operation, Read, SystemCall, Write, map_anonymous
from harness.agent.scratch import Scratch
from harness.agent.syscalls import SyscallNumber
from harness.agent.thread import DEFAULT_SECONDS, RemoteThread
from harness.argument_types import checked_methods

_PIECE = 4 * 1024 * 1024
"""Bytes transferred in one frame: half of the limit."""


@checked_methods
class RemoteMemory:
    """All memory of a process, by address. An access to an invalid address raises OSError (EFAULT).

    A separate thread makes the accesses, so they work while all others are blocked. Every method takes a
    deadline (10 s unless given) and raises TimeLimitError at it.
    """

    def __init__(self, thread: RemoteThread) -> None:
        self._thread = thread

    def __repr__(self) -> str:
        return f"<RemoteMemory of process {self._thread.pid}>"

    def read(self, address: int, size: int, *, deadline: Deadline | None = None) -> bytes:
        """The `size` bytes at `address`."""
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        pieces = [Read(address + offset, min(_PIECE, size - offset)) for offset in range(0, size, _PIECE)]
        return b"".join([self._run(piece, deadline)[1] for piece in pieces])

    def write(self, address: int, data: bytes, *, deadline: Deadline | None = None) -> None:
        """Write `data` at `address`; if this fails for one part, other parts may be written or not."""
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        for offset in range(0, len(data), _PIECE):
            self._run(Write(address + offset, data[offset : offset + _PIECE]), deadline)

    def fill(self, address: int, size: int, seed: int, *, deadline: Deadline | None = None) -> None:
        """Write `pattern.fill_pattern(size, seed)` at `address`, generated on the device."""
        self._run(Fill(address, size, seed), deadline)

    def digest(self, address: int, size: int, *, deadline: Deadline | None = None) -> bytes:
        """`pattern.digest()` of the `size` bytes at `address`, computed on the device: 16 bytes."""
        return self._run(Digest(address, size), deadline)[1]

    def allocate(self, size: int, *, deadline: Deadline | None = None) -> RemoteBuffer:
        """Map `size` bytes of new memory, all zero, until it is closed or the process ends."""
        return RemoteBuffer(self, self._run(map_anonymous(size), deadline)[0], size)

    def scratch(self, smallest: int) -> Scratch:
        """Scratch memory of at least `smallest` bytes; it grows as needed, and ends with the process."""
        return Scratch(lambda size, deadline: self.allocate(size, deadline=deadline).address, smallest)

    def unmap(self, address: int, size: int, *, deadline: Deadline | None = None) -> None:
        """Unmap the pages of a range."""
        self._run(SystemCall(SyscallNumber.munmap, address, size), deadline)

    def _run(self, operation: Operation, deadline: Deadline | None) -> tuple[int, bytes]:
        result = self._thread.batch(operation, deadline=deadline)[0].checked()
        return result.value, result.data


@checked_methods
class RemoteBuffer:
    """Allocated memory on the device; a context manager that frees it."""

    def __init__(self, memory: RemoteMemory, address: int, size: int) -> None:
        self.address = address
        self.size = size
        self._memory = memory
        self._closed = False

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        return f"<RemoteBuffer of {self.size:,} bytes at {self.address:#x}{state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        """`size` bytes from `offset` on, by default all to the end."""
        size = self.size - offset if size is None else size
        return self._memory.read(self._at(offset, size), size)

    def write(self, offset: int, data: bytes) -> None:
        """Write `data` from `offset` on."""
        self._memory.write(self._at(offset, len(data)), data)

    def fill(self, seed: int) -> None:
        """Fill the whole buffer with the pattern of `seed`."""
        self._memory.fill(self.address, self.size, seed)

    def digest(self) -> bytes:
        """The digest of the whole buffer."""
        return self._memory.digest(self.address, self.size)

    def close(self) -> None:
        """Unmap the memory; does nothing the second time."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(AgentDiedError):  # the memory went with the process
                self._memory.unmap(self.address, self.size)

    def _at(self, offset: int, size: int) -> int:
        if self._closed:
            raise UsageError(f"the buffer at {self.address:#x} is closed already")
        if not 0 <= offset <= offset + size <= self.size:
            raise UsageError(f"{size} bytes at offset {offset} are outside of a buffer of {self.size} bytes")
        return self.address + offset
