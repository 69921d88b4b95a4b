"""Files of a device, read and written by an agent's system calls: /proc and the debug files among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.agent.operations import Call, Operation, Read, Result, Write
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD

AT_REMOVEDIR = 0x200
PATH_SIZE = 4096
"""Bytes of the longest path, its end included: PATH_MAX."""
CHUNK_SIZE = 1024 * 1024
"""Bytes read from a file at a time."""


class AgentFiles:
    """`harness.kernel.files.Files` on a device, with the rights of the process that reads and writes."""

    def __init__(self, process: RemoteProcess) -> None:
        self._thread = process.main
        self._path = process.memory.allocate(PATH_SIZE).address
        self._data = process.memory.allocate(CHUNK_SIZE).address
        # One buffer for paths and one for content serve every caller.
        self._lock = threading.RLock()

    def read_bytes(self, path: str) -> bytes:
        """The whole content, read to its end even where the kernel reports a size of zero."""
        with self._opened(path, os.O_RDONLY) as descriptor:
            content = bytearray()
            while chunk := self._fetch(path, Call("read", descriptor, self._data, CHUNK_SIZE)):
                content += chunk
        return bytes(content)

    def read_text(self, path: str) -> str:
        """The whole content as UTF-8, undecodable bytes replaced."""
        return self.read_bytes(path).decode(errors="replace")

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on (pread); fewer only at the end of the file."""
        with self._opened(path, os.O_RDONLY) as descriptor:
            content = bytearray()
            while len(content) < size:
                wanted = min(size - len(content), CHUNK_SIZE)
                call = Call("pread64", descriptor, self._data, wanted, offset + len(content))
                chunk = self._fetch(path, call)
                if not chunk:
                    break
                content += chunk
        return bytes(content)

    def write_text(self, path: str, text: str, *, append: bool = False) -> None:
        """Write `text`, at most 1 MiB, in a single write(2), as control files want it.

        Raises OSError when the kernel takes only a part of it.
        """
        data = text.encode()
        if len(data) > CHUNK_SIZE:
            raise ValueError(f"{path}: {len(data)} bytes do not go into one write; at most {CHUNK_SIZE} do")
        with self._opened(path, os.O_WRONLY | (os.O_APPEND if append else os.O_TRUNC)) as descriptor:
            written = self._run(
                path, Write(self._data, data), Call("write", descriptor, self._data, len(data))
            ).value
        if written != len(data):
            raise OSError(f"{path}: took {written} of {len(data)} bytes")

    def exists(self, path: str) -> bool:
        """Whether the path can be seen."""
        try:
            self._on_path(path, "faccessat", AT_FDCWD, os.F_OK)
        except OSError:
            return False
        return True

    def list_directory(self, path: str) -> list[str]:
        """The names in a directory, sorted, without `.` and `..`."""
        names: list[str] = []
        with self._opened(path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            while records := self._fetch(path, Call("getdents64", descriptor, self._data, CHUNK_SIZE)):
                names += _names(records)
        return sorted(name for name in names if name not in (".", ".."))

    def read_link(self, path: str) -> str:
        """Where a symbolic link points."""
        call = Call("readlinkat", AT_FDCWD, self._path, self._data, PATH_SIZE)
        with self._lock:
            return self._fetch(path, call, before=self._path_in_place(path)).decode(errors="surrogateescape")

    def make_directory(self, path: str) -> None:
        """Create one directory (mode 0700)."""
        self._on_path(path, "mkdirat", AT_FDCWD, 0o700)

    def remove_directory(self, path: str) -> None:
        """Remove one empty directory."""
        self._on_path(path, "unlinkat", AT_FDCWD, AT_REMOVEDIR)

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        with self._lock:
            descriptor = self._on_path(path, "openat", AT_FDCWD, flags | os.O_CLOEXEC)
            try:
                yield descriptor
            finally:
                self._thread.batch(Call("close", descriptor))

    def _on_path(self, path: str, call: str, directory: int, argument: int) -> int:
        """Make a call that takes a directory, a path and one more argument."""
        with self._lock:
            return self._run(
                path, self._path_in_place(path), Call(call, directory, self._path, argument)
            ).value

    def _path_in_place(self, path: str) -> Write:
        encoded = os.fsencode(path) + b"\0"
        if len(encoded) > PATH_SIZE:
            raise OSError(f"a path of {len(encoded) - 1} bytes is too long: {path[:100]}…")
        return Write(self._path, encoded)

    def _fetch(self, path: str, call: Call, *, before: Write | None = None) -> bytes:
        """Make a call that leaves bytes in the data buffer and returns how many; return them."""
        size = self._run(path, *([before] if before else []), call).value
        return self._run(path, Read(self._data, size)).data if size else b""

    def _run(self, path: str, *operations: Operation) -> Result:
        last = self._thread.batch(*operations)[-1]
        if last.errno:
            raise OSError(last.errno, os.strerror(last.errno), path)
        return last


def _names(records: bytes) -> Iterator[str]:
    """The names in what getdents64(2) filled in.

    In struct linux_dirent64 d_reclen (16 bits) is at offset 16, d_name at 19.
    """
    position = 0
    while position < len(records):
        length = int.from_bytes(records[position + 16 : position + 18], "little")
        yield os.fsdecode(records[position + 19 : position + length].partition(b"\0")[0])
        position += length
