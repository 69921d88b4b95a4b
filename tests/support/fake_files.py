"""Files without a device: in memory, and on this machine."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.kernel.files import Pipe


class FakeFiles:
    """A file system in memory. A path that maps to an errno fails with it, whatever is done there."""

    def __init__(
        self,
        contents: Mapping[str, str | bytes] | None = None,
        *,
        links: Mapping[str, str] | None = None,
        errors: Mapping[str, int] | None = None,
    ) -> None:
        self.contents = {path: _to_bytes(content) for path, content in (contents or {}).items()}
        self.links = dict(links or {})
        self.errors = dict(errors or {})
        self.directories: set[str] = {"/"}
        for path in (*self.contents, *self.links):
            self.directories.update(map(str, Path(path).parents))

    def read_bytes(self, path: str) -> bytes:
        self._check(path)
        if path in self.directories:
            raise _error(errno.EISDIR, path)
        try:
            return self.contents[path]
        except KeyError:
            raise _error(errno.ENOENT, path) from None

    def read_text(self, path: str) -> str:
        return self.read_bytes(path).decode(errors="replace")

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        return self.read_bytes(path)[offset : offset + size]

    def write_text(self, path: str, text: str, *, append: bool = False) -> None:
        before = self.read_bytes(path)
        self.contents[path] = (before if append else b"") + text.encode()

    @contextmanager
    def pipes(self, paths: Sequence[str], size: int) -> Iterator[list[Pipe]]:
        def take(path: str, most: int) -> list[bytes]:
            content = self.contents[path]
            self.contents[path] = content[most * size :]
            return [content[start : start + size] for start in range(0, len(content), size)][:most]

        yield [functools.partial(take, path) for path in paths]

    def exists(self, path: str) -> bool:
        return path in self.contents or path in self.links or path in self.directories

    def list_directory(self, path: str) -> list[str]:
        self._check(path)
        if path not in self.directories:
            raise _error(errno.ENOENT, path)
        known = {*self.contents, *self.links, *self.directories} - {path}
        return sorted(Path(each).name for each in known if str(Path(each).parent) == path)

    def read_link(self, path: str) -> str:
        self._check(path)
        if path not in self.links:
            raise _error(errno.ENOENT, path)
        return self.links[path]

    def make_directory(self, path: str) -> None:
        self._check(path)
        if self.exists(path):
            raise _error(errno.EEXIST, path)
        self.directories.add(path)

    def remove_directory(self, path: str) -> None:
        if self.list_directory(path):
            raise _error(errno.ENOTEMPTY, path)
        self.directories.remove(path)

    def _check(self, path: str) -> None:
        if path in self.errors:
            raise _error(self.errors[path], path)


class LocalFiles:
    """The files of the machine the tests run on."""

    def read_bytes(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def read_text(self, path: str) -> str:
        return self.read_bytes(path).decode(errors="replace")

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        with open(path, "rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)

    def write_text(self, path: str, text: str, *, append: bool = False) -> None:
        with open(path, "ab" if append else "wb", buffering=0) as file:
            file.write(text.encode())

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def list_directory(self, path: str) -> list[str]:
        return sorted(os.listdir(path))

    def read_link(self, path: str) -> str:
        return os.readlink(path)

    def make_directory(self, path: str) -> None:
        os.mkdir(path, 0o700)

    def remove_directory(self, path: str) -> None:
        os.rmdir(path)


def _to_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
