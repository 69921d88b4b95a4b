"""Programs on the device whose input and output go over virtio-serial: a round trip takes a tenth of adb's.

guest/channel_server/channel_server.c is the other end, and describes the exchange there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, TimeLimitError

SEND_SECONDS = 10.0
"""How long a port may take no byte before sending gives up."""
QUEUED = 200 * 1024
"""About as much as a Unix socket queues where nobody has set net.core.wmem_default."""
RECEIVED_AT_ONCE = 256 * 1024
"""More than that and one write, so that an answer, which was written whole, is received whole."""
BOUNDARY_SIZE = 16
SEED_SIZE = 64
_REQUEST = struct.Struct("<II")
_ANSWER = struct.Struct("<iI")
_TIME = struct.Struct("<qq")


class Request(IntEnum):
    """What the server on the device is asked for."""

    RUN = 1
    WAKE = 2


@dataclass(frozen=True)
class Waiting:
    """A program that has been started, and waits on its port for whoever asks for such a one."""

    words: tuple[str, ...]
    port: int
    """Counted from 0."""
    boundary: bytes
    output: bytes
    """What it wrote at once."""


class Program:
    """A running program's standard input and output: what `harness.agent.stream.ProcessStream` needs."""

    def __init__(self, ports: Ports, port: socket.socket, boundary: bytes, received: bytes = b"") -> None:
        self._ports = ports
        self.port = port
        self.boundary = boundary
        self._received = received
        # Once for all: the system takes and clears as much room again for each recv() of so many bytes.
        self._room = memoryview(bytearray(RECEIVED_AT_ONCE))
        self._status: int | None = None
        self._ended = threading.Event()
        self._sending = threading.Lock()  # and over the next
        self._closed = False
        self.standard_error = ""
        """The last 4096 bytes of it, once the program has ended."""

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; OSError, or TimeLimitError after 10 s of no progress."""
        with self._sending:
            if self._closed:
                raise BrokenPipeError("the program's input has been closed")
            try:
                self.port.sendall(data)
            except BlockingIOError as error:
                raise TimeLimitError(
                    f"sending to the device: no progress for {SEND_SECONDS:g} s; is it alive?"
                ) from error

    def send_now(self, data: bytes) -> None:
        """Write a few bytes to the input if that can be done without waiting."""
        if self._sending.acquire(blocking=False):
            try:
                if not self._closed:
                    self.port.send(data, socket.MSG_DONTWAIT)
            except OSError:
                pass
            finally:
                self._sending.release()

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Up to `limit` bytes of its output, awaiting the first; b"" at its end, or after close().

        Raises TimeLimitError where there is nothing by the deadline; without one it waits for ever.
        """
        if not self._received and not self._ended.is_set():
            if deadline is not None:
                deadline.await_input(self.port, "output of a program on the device")
            try:
                self._received = bytes(self._room[: self.port.recv_into(self._room)])
            except OSError:
                self._received = b""
            output, found, answer = self._received.partition(self.boundary)
            if found:
                self._received = output
                self._status, size = _ANSWER.unpack_from(answer)
                self.standard_error = answer[_ANSWER.size : _ANSWER.size + size].decode(errors="replace")
            if found or not output:
                self._ended.set()
        piece, self._received = self._received[:limit], self._received[limit:]
        return piece

    def wait_status(self, deadline: Deadline) -> int | None:
        """How it ended, as wait(2) has it; None where the deadline, or the device's end, comes before."""
        self._ended.wait(deadline.remaining())
        return self._status

    def close(self) -> None:
        """Give the port back, or if the program still runs, close it, which ends the program's input."""
        if self._status is None:
            self._ports.discard(self.port)
            return
        with self._sending:
            if not self._closed:
                self._closed = True
                # The server drops what was sent too late for the program, up to this.
                with contextlib.suppress(OSError):
                    self.port.sendall(self.boundary)
                    self._ports.give_back(self.port)


class Ports:
    """The ports of one machine, each serving one program at a time."""

    def __init__(self, count: int) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        self._theirs = [theirs for _, theirs in pairs]
        self._all = [ours for ours, _ in pairs]
        self._free = list(self._all)
        self._waiting: list[tuple[tuple[str, ...], Program]] = []
        self._lock = threading.Lock()
        send_limit = struct.pack("@ll", int(SEND_SECONDS), 0)
        for ours, theirs in pairs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, send_limit)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUED // 2)  # doubled: socket(7)

    @contextlib.contextmanager
    def lent(self) -> Iterator[list[int]]:
        """The ends for QEMU to inherit; closed here afterwards, so that every stream ends with QEMU."""
        with contextlib.ExitStack() as closing:
            yield [closing.enter_context(port).fileno() for port in self._theirs]

    def run(self, words: Sequence[str]) -> Program | None:
        """Run the program that the first word names the path of; None where no port is free.

        It may be one that waited.
        """
        with self._lock:
            for position, (waiting, program) in enumerate(self._waiting):
                if waiting == tuple(words):
                    del self._waiting[position]
                    return program
        payload = b"".join(os.fsencode(word) + b"\0" for word in words)
        return self._request(Request.RUN, payload)

    def leave_waiting(self, words: Sequence[str], deadline: Deadline) -> Waiting:
        """Start a program that writes something at once, for a machine restored from this one to find.

        Raises SetupError where it ends, or no port is free; TimeLimitError where it writes nothing in time.
        """
        program = self.run(words)
        if program is None:
            raise SetupError(f"No port of the device is free for {words[0]}.")
        output = program.receive(RECEIVED_AT_ONCE, deadline)
        if not output:
            raise SetupError(f"{words[0]} did not start on the device: {program.standard_error}")
        return Waiting(tuple(words), self._all.index(program.port), program.boundary, output)

    def find_waiting(self, waiting: Iterable[Waiting]) -> None:
        """Have the programs that were left waiting on the machine from which this one was restored."""
        for each in waiting:
            port = self._all[each.port]
            self._free.remove(port)
            self._waiting.append((each.words, Program(self, port, each.boundary, each.output)))

    def wake(self, deadline: Deadline) -> None:
        """Set the device's clock, and renew its random numbers from this machine's.

        Raises DeviceLostError when the device does not say in time that it has done so.
        """
        now = time.time_ns()
        payload = _TIME.pack(now // 10**9, now % 10**9) + os.urandom(SEED_SIZE)
        answer = self._request(Request.WAKE, payload)
        assert answer is not None
        timer = threading.Timer(deadline.remaining(), answer.close)
        timer.start()
        try:
            while answer.receive(RECEIVED_AT_ONCE):
                pass
        finally:
            timer.cancel()
            answer.close()
        if answer.wait_status(Deadline(0)) != 0:
            raise DeviceLostError("The device took neither the time nor random numbers.")

    def _request(self, kind: Request, payload: bytes) -> Program | None:
        with self._lock:
            if not self._free:
                return None
            port = self._free.pop()
        boundary = os.urandom(BOUNDARY_SIZE)
        program = Program(self, port, boundary)
        program.send(boundary + _REQUEST.pack(kind, len(payload)) + payload)
        return program

    def give_back(self, port: socket.socket) -> None:
        """Let another program have a port."""
        with self._lock:
            if port in self._all:
                self._free.append(port)

    def discard(self, port: socket.socket) -> None:
        """Close a port, which wakes whoever receives from it; it is not used again."""
        with contextlib.suppress(OSError):
            port.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if port in self._all:
                self._all.remove(port)
        port.close()

    def close(self) -> None:
        """Close every port."""
        for port in list(self._all):
            self.discard(port)
