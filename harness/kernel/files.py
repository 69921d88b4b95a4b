"""The file access that the evidence readers need, as a protocol: tests give them files in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from emulator.base.errors import reason_of


class Files(Protocol):
    """Files on a device, read and written as root where the device allows it.

    Every method raises OSError with the device's errno and the path: FileNotFoundError,
    PermissionError and so on, as the same call on a local file would.
    """

    def read_bytes(self, path: str) -> bytes:
        """The whole content, read to its end even if the kernel reports a size of zero."""
        ...

    def read_text(self, path: str) -> str:
        """The whole content as UTF-8, undecodable bytes replaced."""
        ...

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on (pread); fewer only at the end of the file."""
        ...

    def write_text(self, path: str, text: str, *, append: bool = False) -> None:
        """Write `text` in one write(2), as control files need it: O_APPEND with `append`, else O_TRUNC."""
        ...

    def exists(self, path: str) -> bool:
        """Whether the path exists and can be seen."""
        ...

    def list_directory(self, path: str) -> list[str]:
        """The names in a directory, sorted, without `.` and `..`."""
        ...

    def read_link(self, path: str) -> str:
        """Where a symbolic link points."""
        ...

    def make_directory(self, path: str) -> None:
        """Create one directory (mode 0700)."""
        ...

    def remove_directory(self, path: str) -> None:
        """Remove one empty directory."""
        ...


Pipe = Callable[[int], list[bytes]]
"""Takes the most pieces to read, and returns those that are there: fewer, if there are no more."""


class LiveFiles(Files, Protocol):
    """Files that can also be followed while something is written to them."""

    def pipes(self, paths: Sequence[str], size: int) -> AbstractContextManager[list[Pipe]]:
        """For the block, what arrives in files that are like pipes, in pieces as each read(2) returns them.

        A call returns pieces of up to `size` bytes without waiting, in one round trip.
        """
        ...


def find_directory_with(
    name: str, files: Files, locations: Sequence[str], *, missing: str
) -> tuple[str | None, str]:
    """The first of the locations that can be listed and contains `name`, or None; and which ones failed.

    The second is for an error message: one line for each failed location with the reason, which is `missing`
    for a directory without that name.
    """
    failed: list[str] = []
    for location in locations:
        try:
            if name in files.list_directory(location):
                return location, "\n".join(failed)
            failed.append(f"  {location}: {missing}")
        except OSError as error:
            failed.append(f"  {location}: {reason_of(error)}")
    return None, "\n".join(failed)
