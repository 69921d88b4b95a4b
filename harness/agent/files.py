"""Files of a device, read and written by an agent's system calls, including /proc and the debug files."""

from __future__ import annotations

import errno
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from emulator.base.deadline import Deadline
from harness.agent.operations import Earlier, Operation, OperationResult, Read, SystemCall, Word, Write
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD, SyscallNumber
from harness.agent.thread import RemoteThread

AT_REMOVEDIR = 0x200
PATH_SIZE = 4096
"""Bytes of the longest path, with its terminating NUL: PATH_MAX."""
FIRST_SIZE = 4096
"""Bytes that are read and transferred when a file is opened: all of most files in /proc."""
READ_SIZE = 64 * 1024
"""Bytes requested in each later read; many kernel files return at most 4096."""
READS = 16
"""Reads in one round trip."""
LARGEST = 256 << 20
"""Bytes of a file that is read whole, or of a directory; some of a device have no end."""
CHUNK_SIZE = READS * READ_SIZE
"""Bytes written to a file, or read from it by offset, at a time."""
MOST_PIECES = 64
"""Pieces read in one round trip from a file that is like a pipe."""
_NAME = 19
"""The offset of a name in a directory's record."""
_OPENED = Earlier(1)
"""The descriptor, in a batch that opens a file."""


class AgentFiles:
    """`harness.kernel.files.Files` on a device, with the permissions of the process that reads and writes.

    Opening, reading and closing a file of up to 4096 bytes takes one round trip. `start` gives the process,
    at the first use and again where that one has ended.
    """

    def __init__(self, start: Callable[[], RemoteProcess]) -> None:
        self._start = start
        self._process: RemoteProcess | None = None
        # All callers share one buffer for paths and one for content.
        self._lock = threading.RLock()

    def use(self, process: RemoteProcess) -> None:
        """Have this process read and write from now on, and close the one that did so far.

        That takes 6 s where it no longer answers, so nobody waits for it.
        """
        with self._lock:
            path = process.memory.allocate(PATH_SIZE).address
            data = process.memory.allocate(CHUNK_SIZE).address
            replaced, self._process = self._process, process
            self._thread, self._path, self._data = process.main, path, data
        if replaced is not None:
            threading.Thread(target=replaced.close, name=f"end of {replaced}", daemon=True).start()

    @property
    def process(self) -> RemoteProcess | None:
        """The process that reads and writes, while one runs, as far as that shows."""
        process = self._process
        return None if process is None or process.ended else process

    @contextmanager
    def _running_process(self) -> Iterator[None]:
        """For one caller at a time: a process that runs, as far as that shows, and its buffers."""
        with self._lock:
            if self._process is None or self._process.ended:
                self.use(self._start())
            yield

    def read_bytes(self, path: str, *, deadline: Deadline | None = None) -> bytes:
        """The whole content, read to its end even if the kernel reports a size of zero.

        Raises OSError, EFBIG among others: for one of more than 256 MiB; TimeLimitError at the deadline (10 s
        for each MiB unless given). A kernel may take longer for a file of 100,000 records.
        """
        with self._running_process():
            return self._content(path, os.O_RDONLY, SyscallNumber.read, deadline)

    def read_text(self, path: str, *, deadline: Deadline | None = None) -> str:
        """The whole content as UTF-8, undecodable bytes replaced; see `read_bytes`."""
        return self.read_bytes(path, deadline=deadline).decode(errors="replace")

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on (pread); fewer only at the end of the file."""
        content = bytearray()

        def next_piece(descriptor: Word) -> tuple[Operation, ...]:
            wanted = min(size - len(content), CHUNK_SIZE)
            position = offset + len(content)
            return SystemCall("pread64", descriptor, self._data, wanted, position), Read(self._data, wanted)

        with (
            self._running_process(),
            self._opened(path, os.O_RDONLY, *next_piece(_OPENED)) as (descriptor, results),
        ):
            while True:
                count, data = (_checked(path, result) for result in results)
                content += data.data[: count.value]
                if count.value == 0 or len(content) == size:
                    return bytes(content)
                results = self._thread.batch(*next_piece(descriptor))

    def write_text(self, path: str, text: str, *, append: bool = False) -> None:
        """Write `text`, at most 1 MiB, in a single write(2), as control files need it.

        Raises ValueError for a longer one, OSError if the kernel writes only a part of it.
        """
        data = text.encode()
        if len(data) > CHUNK_SIZE:
            raise ValueError(f"{path}: {len(data)} bytes exceed the limit of one write, {CHUNK_SIZE}")
        flags = os.O_WRONLY | (os.O_APPEND if append else os.O_TRUNC)
        with self._running_process():
            writing = Write(self._data, data), SystemCall("write", _OPENED, self._data, len(data))
            with self._opened(path, flags, *writing) as (_, results):
                _, written = (_checked(path, result) for result in results)
        if written.value != len(data):
            raise OSError(f"{path}: only {written.value} of {len(data)} bytes were written")

    @contextmanager
    def pipes(self, paths: Sequence[str], size: int) -> Iterator[list[Callable[[int], list[bytes]]]]:
        """For the block, what arrives in files that are like pipes, in pieces as each read(2) returns them.

        A call takes the most pieces to read, MOST_PIECES, and returns pieces of up to `size` bytes without
        waiting, in one round trip. A process of its own reads, so that nobody else waits for it.
        """
        with self._start() as process:
            data = process.memory.allocate(MOST_PIECES * size).address
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            files = [process.syscall("openat", AT_FDCWD, os.fsencode(path), flags) for path in paths]
            yield [
                functools.partial(_arrived, process.main, path, file, data, size)
                for path, file in zip(paths, files, strict=True)
            ]

    def exists(self, path: str) -> bool:
        """Whether the path exists and can be seen."""
        try:
            self._on_path(path, "faccessat", AT_FDCWD, os.F_OK)
        except OSError:
            return False
        return True

    def list_directory(self, path: str) -> list[str]:
        """The names in a directory, sorted, without `.` and `..`."""
        with self._running_process():
            flags = os.O_RDONLY | self._thread.architecture.o_directory
            records = self._content(path, flags, SyscallNumber.getdents64)
        return sorted(name for name in names_in(records) if name not in (".", ".."))

    def read_link(self, path: str) -> str:
        """Where a symbolic link points."""
        with self._running_process():
            call = SystemCall("readlinkat", AT_FDCWD, self._path, self._data, PATH_SIZE)
            results = self._thread.batch(
                self._path_in_place(path), call, Read(self._data, PATH_SIZE), keep_going=True
            )
        _, size, data = (_checked(path, result) for result in results)
        return data.data[: size.value].decode(errors="surrogateescape")

    def make_directory(self, path: str) -> None:
        """Create one directory (mode 0700)."""
        self._on_path(path, "mkdirat", AT_FDCWD, 0o700)

    def remove_directory(self, path: str) -> None:
        """Remove one empty directory."""
        self._on_path(path, "unlinkat", AT_FDCWD, AT_REMOVEDIR)

    def _content(self, path: str, flags: int, call: SyscallNumber, deadline: Deadline | None = None) -> bytes:
        """The whole content of a file, from `call` repeated until it returns nothing."""
        first = SystemCall(call, _OPENED, self._data, FIRST_SIZE)
        second = SystemCall(call, _OPENED, self._data + FIRST_SIZE, READ_SIZE - FIRST_SIZE)
        places = range(self._data, self._data + CHUNK_SIZE, READ_SIZE)
        with self._opened(path, flags, first, second, Read(self._data, FIRST_SIZE), deadline=deadline) as (
            descriptor,
            results,
        ):
            begun, more, data = (_checked(path, result) for result in results)
            content = bytearray(data.data[: begun.value])
            arrived = [Read(self._data + FIRST_SIZE, more.value)] if more.value else []
            ended = not arrived
            while arrived:
                calls = [] if ended else [SystemCall(call, descriptor, place, READ_SIZE) for place in places]
                results = self._thread.batch(*arrived, *calls, deadline=deadline)
                done = [_checked(path, result) for result in results]
                content += b"".join(result.data for result in done[: len(arrived)])
                if len(content) > LARGEST:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
                sizes = [result.value for result in done[len(arrived) :]]
                arrived = [Read(place, size) for place, size in zip(places, sizes, strict=False) if size]
                ended = ended or 0 in sizes
        return bytes(content)

    @contextmanager
    def _opened(
        self, path: str, flags: int, *operations: Operation, deadline: Deadline | None = None
    ) -> Iterator[tuple[int, list[OperationResult]]]:
        """Open a file and run operations in the same round trip; gives the descriptor and their results.

        The descriptor is closed at the end of the block, without waiting for the result.
        """
        opening = SystemCall("openat", AT_FDCWD, self._path, flags | os.O_CLOEXEC)
        _, opened, *results = self._thread.batch(
            self._path_in_place(path), opening, *operations, keep_going=True, deadline=deadline
        )
        descriptor = _checked(path, opened).value
        try:
            yield descriptor, results
        finally:
            self._thread.submit(SystemCall("close", descriptor))

    def _on_path(self, path: str, call: str, directory: int, argument: int) -> None:
        """Make a call that takes a directory, a path and one more argument."""
        with self._running_process():
            for result in self._thread.batch(
                self._path_in_place(path), SystemCall(call, directory, self._path, argument)
            ):
                _checked(path, result)

    def _path_in_place(self, path: str) -> Write:
        encoded = os.fsencode(path) + b"\0"
        if len(encoded) > PATH_SIZE:
            raise OSError(f"a path of {len(encoded) - 1} bytes is too long: {path[:100]}…")
        return Write(self._path, encoded)


def _checked(path: str, result: OperationResult) -> OperationResult:
    if result.errno:
        raise OSError(result.errno, os.strerror(result.errno), path)
    return result


def _arrived(thread: RemoteThread, path: str, file: int, data: int, size: int, most: int) -> list[bytes]:
    """The pieces, `most` at most, that a file has without waiting; the process's memory at `data` is used."""
    places = range(0, min(most, MOST_PIECES) * size, size)
    reads = [SystemCall("read", file, data + place, size) for place in places]
    *counts, memory = thread.batch(*reads, Read(data, places.stop), keep_going=True)
    content = _checked(path, memory).data
    sizes = [0 if result.errno == errno.EAGAIN else _checked(path, result).value for result in counts]
    return [content[place : place + count] for place, count in zip(places, sizes, strict=True) if count]


def names_in(records: bytes) -> Iterator[str]:
    """The names in the records of getdents64(2).

    In struct linux_dirent64 d_reclen (16 bits) is at offset 16, d_name at 19. Raises OSError for records that
    the kernel does not give.
    """
    position = 0
    while position < len(records):
        length = int.from_bytes(records[position + 16 : position + 18], "little")
        if length <= _NAME:  # which would never end
            raise OSError(errno.EIO, "getdents64 gave a record without a name")
        yield os.fsdecode(records[position + _NAME : position + length].partition(b"\0")[0])
        position += length
