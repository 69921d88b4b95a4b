"""What adbd sends without a limit of its own, received with one: the answer of a service, a pulled file.

adbutils would receive all of it, and wait for as long as something comes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError

LARGEST_ANSWER = 1 << 20
"""Bytes of the answer of a service."""
LARGEST_FILE = 4 << 30
"""Bytes of a pulled file: those of a device may have no end."""
_HEADER = struct.Struct("<4sI")
_LARGEST_PIECE = 64 * 1024
"""Bytes that adbd sends at a time (AOSP, packages/modules/adb, file_sync_protocol.h, SYNC_DATA_MAX)."""


class ExcessError(HarnessError):
    """A device sends more than is received of it."""


def receive_answer(connection: Any, deadline: Deadline) -> str:
    """All that a service sends until it closes, by the deadline.

    Raises ExcessError for more than 1 MiB, TimeLimitError at the deadline.
    """
    answer = bytearray()
    while chunk := connection.recv(_LARGEST_PIECE):
        answer += chunk
        if len(answer) > LARGEST_ANSWER:
            raise ExcessError(f"more than {LARGEST_ANSWER >> 20} MiB came as its answer")
        deadline.check("the end of the answer")
    return answer.decode(errors="replace").strip()


def pull_file(connection: Any, remote: str, local: Path, *, largest: int, stalls: float) -> None:
    """Receive a file by the sync service of adbd: `largest` bytes, within `stalls` seconds for each piece.

    Raises ExcessError for a larger file, TimeLimitError where nothing comes, OSError for what adbd reports.
    """
    path = remote.encode()
    connection.send_command("sync:")
    connection.check_okay()
    connection.conn.sendall(_HEADER.pack(b"RECV", len(path)) + path)
    received, progress = 0, Deadline(stalls)
    with local.open("wb") as file:
        while True:
            kind, size = _HEADER.unpack(connection.read(_HEADER.size))
            if kind == b"DONE":
                return
            if kind not in (b"DATA", b"FAIL") or size > _LARGEST_PIECE:
                raise OSError(f"it sends {kind!r} with {size:,} bytes, as adb's sync protocol never does")
            content = connection.read(size)
            if kind == b"FAIL":
                raise OSError(content.decode(errors="replace"))
            received += size
            if received > largest:
                raise ExcessError(f"it has more than {largest:,} bytes")
            if size:
                progress = Deadline(stalls)
            progress.check("the rest of the file")
            file.write(content)
