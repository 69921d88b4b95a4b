"""What a device sends through adb without an end is not received without one."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.adb import transfer
from emulator.adb.transfer import ExcessError, pull_file, receive_answer
from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError

WITHIN = 20.0


class Connection:
    """As much of adbutils' AdbConnection as is used; the server has accepted every request."""

    def __init__(self, connection: socket.socket) -> None:
        self.conn = connection
        self.sent: list[str] = []

    def send_command(self, command: str) -> None:
        self.sent.append(command)

    def check_okay(self) -> None:
        pass

    def recv(self, size: int) -> bytes:
        return self.conn.recv(size)

    def read(self, size: int) -> bytes:
        return b"".join(iter(self._pieces(size).__next__, b"")) if size else b""

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.conn.recv(size)
            size -= len(piece)
            yield piece
        yield b""


@contextlib.contextmanager
def sending(write: Callable[[socket.socket], None]) -> Iterator[Connection]:
    """A connection whose other end a thread writes to until nobody receives any more."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        with theirs, contextlib.suppress(OSError):
            write(theirs)

    thread = threading.Thread(target=run)
    thread.start()
    with ours:
        yield Connection(ours)
    thread.join(WITHIN)
    assert not thread.is_alive()


def packet(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack("<4sI", kind, len(content)) + content


def flood(piece: bytes) -> Callable[[socket.socket], None]:
    def write(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)

    return write


def once(data: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(data)


def test_an_answer_is_whole() -> None:
    with sending(once(b" restarting adbd as root\n")) as connection:
        assert receive_answer(connection, Deadline(WITHIN)) == "restarting adbd as root"


def test_an_answer_without_an_end_is_refused() -> None:
    with sending(flood(bytes(4096))) as connection, pytest.raises(ExcessError, match="more than 1 MiB"):
        receive_answer(connection, Deadline(WITHIN))


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not ended.wait(0.01):
            connection.sendall(b".")

    with sending(drip) as connection:
        with pytest.raises(TimeLimitError, match="the end of the answer"):
            receive_answer(connection, Deadline(0.1))
        ended.set()


def pulled(data: Callable[[socket.socket], None], local: Path, *, stalls: float = WITHIN) -> Path:
    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        data(connection)

    with sending(answer) as connection:
        pull_file(connection, "/data/f", local, largest=100_000, stalls=stalls)
        assert connection.sent == ["sync:"]
    return local


def test_a_file_is_whole(tmp_path: Path) -> None:
    pieces = packet(b"DATA", b"a" * 65536) + packet(b"DATA", b"b") + packet(b"DONE")
    assert pulled(once(pieces), tmp_path / "file").read_bytes() == b"a" * 65536 + b"b"


@pytest.mark.parametrize(
    ("data", "error", "reason"),
    [
        (flood(packet(b"DATA", bytes(1000))), ExcessError, "more than 100,000 bytes"),
        (once(struct.pack("<4sI", b"DATA", 0xFFFF_FFFF)), OSError, "4,294,967,295 bytes, as adb's sync"),
        (once(packet(b"STAT")), OSError, "sends b'STAT'"),
        (once(packet(b"FAIL", b"No such file")), OSError, "^No such file$"),
        (flood(packet(b"DATA")), TimeLimitError, "the rest of the file"),
    ],
    ids=["endless", "huge piece", "other protocol", "refused", "flood of nothing"],
)
def test_anything_else_is_refused(
    tmp_path: Path, data: Callable[[socket.socket], None], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        pulled(data, tmp_path / "file", stalls=0.2)
    assert transfer.LARGEST_FILE > 100_000
