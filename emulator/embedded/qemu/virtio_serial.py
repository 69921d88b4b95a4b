"""Runs programs on the device over virtio-serial, where a round trip takes a tenth of the time over adb.

device_agents/channel_server/channel_server.c is the device's end and describes the protocol.
"""

from __future__ import annotations

import contextlib
import os
import select
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
"""How long a port may accept no byte before sending fails."""
RECEIVE_SECONDS = 1.0
"""How long a port is waited for in one system call; a deadline that is sooner needs a second one."""
QUEUED = 200 * 1024
"""About the default queue of a Unix socket (net.core.wmem_default)."""
RECEIVED_AT_ONCE = 256 * 1024
"""More than the queue and one write, so that an answer written in one piece is received in one piece."""
BOUNDARY_SIZE = 16
SEED_SIZE = 64
_REQUEST = struct.Struct("<II")
_ANSWER = struct.Struct("<iI")
_TIME = struct.Struct("<qq")


class RequestKind(IntEnum):
    """What the server on the device is asked to do."""

    RUN = 1
    WAKE = 2


@dataclass(frozen=True)
class WaitingProgram:
    """A program that runs already, and waits on its port until somebody runs the same arguments."""

    arguments: tuple[str, ...]
    port: int
    """Its index."""
    boundary: bytes
    output: bytes
    """What it wrote when it started."""


class GuestProgram:
    """A program that runs on the device: its standard input and output, and how it ended."""

    def __init__(
        self, ports: VirtioPorts, port: socket.socket, boundary: bytes, received: bytes = b""
    ) -> None:
        self._ports = ports
        self.port = port
        self.boundary = boundary
        self._received = received
        # Reused: recv() would allocate and clear as many bytes each time.
        self._buffer = memoryview(bytearray(RECEIVED_AT_ONCE))
        self._status: int | None = None
        self._ended = threading.Event()
        self._sending = threading.Lock()  # also guards _closed
        self._closed = False
        self.standard_error = ""
        """Its last 4096 bytes, once the program has ended."""

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; raises OSError, or TimeLimitError after 10 s without progress."""
        with self._sending:
            if self._closed:
                raise BrokenPipeError("the program's input is closed")
            try:
                self.port.sendall(data)
            except BlockingIOError as error:
                raise TimeLimitError(
                    f"The device has accepted no input for {SEND_SECONDS:g} s: it hangs, or the program does "
                    "not read its input."
                ) from error

    def send_now(self, data: bytes) -> None:
        """Write a few bytes to its input, non-blocking: they are dropped where that would block or fails."""
        if self._sending.acquire(blocking=False):
            try:
                if not self._closed:
                    self.port.send(data, socket.MSG_DONTWAIT)
            except OSError:
                pass
            finally:
                self._sending.release()

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Up to `limit` bytes of its output, as soon as there are any; b"" at its end, or after close().

        Raises TimeLimitError where there are none by the deadline; without a deadline it waits for ever.
        """
        if not self._received and not self._ended.is_set():
            self._received = self._next_output(deadline)
            output, found, answer = self._received.partition(self.boundary)
            if found:
                self._received = output
            if len(answer) >= _ANSWER.size:  # shorter, it comes from no server of ours: the status is unknown
                self._status, size = _ANSWER.unpack_from(answer)
                self.standard_error = answer[_ANSWER.size : _ANSWER.size + size].decode(errors="replace")
            if found or not output:
                self._ended.set()
        piece, self._received = self._received[:limit], self._received[limit:]
        return piece

    def _next_output(self, deadline: Deadline | None) -> bytes:
        while True:
            if deadline is not None and deadline.remaining() < RECEIVE_SECONDS:
                deadline.await_input(self.port, "output of a program on the device")
            try:
                return bytes(self._buffer[: self.port.recv_into(self._buffer)])
            except BlockingIOError:  # after RECEIVE_SECONDS
                continue
            except OSError:
                return b""

    @property
    def has_more_output(self) -> bool:
        """Whether its port has something to receive, or has ended."""
        poll = select.poll()
        poll.register(self.port, select.POLLIN)
        return bool(poll.poll(0))

    def wait_status(self, deadline: Deadline) -> int | None:
        """Its status as in wait(2); None where the deadline passes, or the device ends, first."""
        self._ended.wait(deadline.remaining())
        return self._status

    def close(self) -> None:
        """Return the port or, while the program runs, close it, which ends the program's input."""
        if self._status is None:
            self._ports.discard(self.port)
            return
        with self._sending:
            if not self._closed:
                self._closed = True
                # The server discards input that was too late for the program, up to this boundary.
                with contextlib.suppress(OSError):
                    self.port.sendall(self.boundary)
                    self._ports.give_back(self.port)


class VirtioPorts:
    """The virtio-serial ports of one machine, each for one program at a time."""

    def __init__(self, count: int) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        self._theirs = [theirs for _, theirs in pairs]
        self._all = [ours for ours, _ in pairs]
        self._free = list(self._all)
        self._waiting: list[tuple[tuple[str, ...], GuestProgram]] = []
        self._lock = threading.Lock()
        send_limit, receive_limit = _timeval(SEND_SECONDS), _timeval(RECEIVE_SECONDS)
        for ours, theirs in pairs:
            # Not settimeout(), with which each takes two system calls.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, send_limit)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, receive_limit)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUED // 2)  # doubled: socket(7)

    @contextlib.contextmanager
    def inheritable(self) -> Iterator[list[int]]:
        """The descriptors for QEMU to inherit, closed here after the block so that streams end with QEMU."""
        with contextlib.ExitStack() as closing:
            yield [closing.enter_context(port).fileno() for port in self._theirs]

    def run(self, arguments: Sequence[str], *, fresh: bool = False) -> GuestProgram | None:
        """Run a program, by its path and arguments, or take one that waits; None where no port is free.

        `fresh` gives up all that wait: where the server on the device was killed with them, nothing has
        reported their end.
        """
        wanted = tuple(arguments)
        while (program := self._take_waiting(None if fresh else wanted)) is not None:
            if not fresh and not program.has_more_output:
                return program
            program.close()  # it has ended, since those that wait write nothing more
        payload = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
        return self._request(RequestKind.RUN, payload)

    def _take_waiting(self, arguments: tuple[str, ...] | None) -> GuestProgram | None:
        """Take a program that waits, with these arguments if given."""
        with self._lock:
            for position, (waiting, program) in enumerate(self._waiting):
                if arguments is None or waiting == arguments:
                    del self._waiting[position]
                    return program
        return None

    def start_waiting(self, arguments: Sequence[str], deadline: Deadline) -> WaitingProgram:
        """Start a program that writes something at once, for machines restored from this one to use.

        Raises SetupError where it ends or no port is free, TimeLimitError where it writes nothing in time.
        """
        program = self.run(arguments)
        if program is None:
            raise SetupError(f"No port of the device is free for {arguments[0]}.")
        output = program.receive(RECEIVED_AT_ONCE, deadline)
        if not output:
            raise SetupError(f"{arguments[0]} did not start on the device: {program.standard_error}")
        return WaitingProgram(tuple(arguments), self._all.index(program.port), program.boundary, output)

    def adopt(self, waiting: Iterable[WaitingProgram]) -> None:
        """Take over the programs that wait on the machine from which this one was restored."""
        for each in waiting:
            port = self._all[each.port]
            self._free.remove(port)
            self._waiting.append((each.arguments, GuestProgram(self, port, each.boundary, each.output)))

    def wake(self, deadline: Deadline) -> None:
        """Set the device's clock and reseed its random number generator, after a restore.

        Raises DeviceLostError where the device does not confirm that in time.
        """
        now = time.time_ns()
        payload = _TIME.pack(now // 10**9, now % 10**9) + os.urandom(SEED_SIZE)
        answer = self._request(RequestKind.WAKE, payload)
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
            raise DeviceLostError("The restored device did not confirm its new time and random numbers.")

    def _request(self, kind: RequestKind, payload: bytes) -> GuestProgram | None:
        with self._lock:
            if not self._free:
                return None
            port = self._free.pop()
        boundary = os.urandom(BOUNDARY_SIZE)
        program = GuestProgram(self, port, boundary)
        program.send(boundary + _REQUEST.pack(kind, len(payload)) + payload)
        return program

    def give_back(self, port: socket.socket) -> None:
        """Make a port free for another program."""
        with self._lock:
            if port in self._all:
                self._free.append(port)

    def discard(self, port: socket.socket) -> None:
        """Close a port for good, which wakes a thread that receives from it."""
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


def _timeval(seconds: float) -> bytes:
    """As socket(7) wants it for a limit."""
    return struct.pack("@ll", *divmod(round(seconds * 10**6), 10**6))
