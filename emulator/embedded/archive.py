"""Writes an initramfs, the archive that the kernel unpacks; unlike cpio, without root for device nodes."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field

TRAILER = "TRAILER!!!"


@dataclass
class Archive:
    """Builds a cpio archive.

    Format `newc`, Documentation/driver-api/early-userspace/buffer-format.rst in the kernel.
    """

    _parts: list[bytes] = field(default_factory=list)
    _entries: int = 0

    def directory(self, path: str, *, mode: int = 0o755, owner: int = 0) -> None:
        """Add a directory; its parents must have been added before."""
        self._add(path, stat.S_IFDIR | mode, owner=owner)

    def file(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Add a regular file owned by root."""
        self._add(path, stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int, *, mode: int = 0o600) -> None:
        """Add a device node, such as the console that the kernel opens before anything is mounted."""
        self._add(path, stat.S_IFCHR | mode, device=(major, minor))

    def finish(self) -> bytes:
        """The whole archive, uncompressed: the kernel unpacks that fastest."""
        return b"".join(self._parts) + self._entry(TRAILER, 0, b"", 0, (0, 0))

    def _add(
        self, path: str, mode: int, content: bytes = b"", *, owner: int = 0, device: tuple[int, int] = (0, 0)
    ) -> None:
        self._entries += 1
        self._parts.append(self._entry(path.lstrip("/"), mode, content, owner, device))

    def _entry(self, name: str, mode: int, content: bytes, owner: int, device: tuple[int, int]) -> bytes:
        encoded = name.encode() + b"\0"
        fields = (
            self._entries,  # inode
            mode,
            owner,
            owner,
            1,  # links
            0,  # modification time: equal input gives an equal archive
            len(content),
            0,
            0,
            *device,
            len(encoded),
            0,
        )
        header = b"070701" + b"".join(b"%08X" % value for value in fields) + encoded
        return _padded(header) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
