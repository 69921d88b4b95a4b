"""The standard streams of a process on the device: the protocol, and its implementations."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Protocol

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.errors import ProtocolError
from harness.agent.exit_status import ExitStatus
from harness.agent.protocol import END_OF_INPUT

if TYPE_CHECKING:
    from emulator.base.controller import AgentStream, CommandStream

SEND_SECONDS = 10.0
"""How long sending waits for progress before it fails."""
_RECEIVED_AT_ONCE = 256 * 1024
_KEPT_CHARACTERS = 4096
_OUTPUT = "output of the device through adb"


class ProcessStream(Protocol):
    """The standard input and output of an agent or a program, and its exit status.

    One thread may receive while others send, one at a time.
    """

    def send(self, data: bytes) -> None:
        """Write all of `data` to the input; OSError, or TimeLimitError after 10 s without progress."""
        ...

    def close_input(self) -> None:
        """Close the input, which makes an agent exit; never blocks, and never fails."""
        ...

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Wait for output, and return up to `limit` bytes; b"" at its end, or after close().

        Raises TimeLimitError at the deadline; without a deadline it waits forever.
        """
        ...

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:
        """The exit status, after receive() returned b""; None if it does not arrive by the deadline."""
        ...

    @property
    def standard_error(self) -> str:
        """The tail of standard error, including that of a shell that failed to start the process."""
        ...

    def close(self) -> None:
        """Release the stream and wake a thread that receives. May be called at any time, and again."""
        ...


class AdbShellStream:
    """A process of adb's `shell,v2,raw:` service, over the service's socket.

    Packets are one byte of kind, four of length (little-endian), and the content: AOSP's
    packages/modules/adb/shell_protocol.h, Android 7 and later. Start the agent with `exec`, so that no shell
    is between it and its input.
    """

    _HEADER = struct.Struct("<BI")
    _STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = bytearray()
        self._packet = (
            self._STDOUT,
            0,
        )  # the kind of the packet that is arriving, and the number of its missing bytes
        self._standard_error = ""
        self._status: ExitStatus | None = None
        self._ended = threading.Event()
        connection.settimeout(None)
        # Only for sending: settimeout() would also limit how long the receiver waits for an answer.
        send_limit = struct.pack("@ll", int(SEND_SECONDS), 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, send_limit)
        self._is_tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
        if self._is_tcp:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def standard_error(self) -> str:
        """The last 4096 characters."""
        return self._standard_error

    def send(self, data: bytes) -> None:
        """Write all of `data` as one packet; TimeLimitError after 10 s without progress."""
        try:
            self._socket.sendall(self._HEADER.pack(self._STDIN, len(data)) + data)
        except BlockingIOError as error:
            raise TimeLimitError(
                f"sending to the device through adb: no progress for {SEND_SECONDS:g} s. "
                "Check that the device still responds."
            ) from error

    def close_input(self) -> None:
        """Send the packet that closes the process's standard input."""
        with contextlib.suppress(OSError):
            self._socket.send(self._HEADER.pack(self._CLOSE_STDIN, 0), socket.MSG_DONTWAIT)

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Wait for output and return it; raises ProtocolError for packets of another protocol."""
        waited = False
        while True:
            output = self._take_output(limit)
            if output or self._ended.is_set():
                return output
            self._acknowledge()
            if deadline is not None:
                if waited:  # what came was no output, and may come for ever
                    deadline.check(_OUTPUT)
                deadline.await_input(self._socket, _OUTPUT)
                waited = True
            try:
                data = self._socket.recv(_RECEIVED_AT_ONCE)
            except OSError:
                data = b""
            if not data:
                self._ended.set()
            self._received += data

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:
        """What adbd reported; None if the connection ended before that."""
        self._ended.wait(deadline.remaining())
        return self._status

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _acknowledge(self) -> None:
        """Acknowledge what has come, which the kernel may otherwise do 40 ms later (tcp(7), TCP_QUICKACK).

        Until then it keeps back what the adb server sends next, which does not set TCP_NODELAY for its
        clients (AOSP, packages/modules/adb, adb_listeners.cpp, ss_listener_event_func).
        """
        if self._is_tcp:
            with contextlib.suppress(OSError):  # it may be closed by another thread at any time
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _take_output(self, limit: int) -> bytes:
        """Process the received packets up to the first output, and return that."""
        while True:
            kind, left = self._packet
            if left == 0:
                if len(self._received) < self._HEADER.size:
                    return b""
                self._packet = self._HEADER.unpack_from(self._received)
                del self._received[: self._HEADER.size]
                if self._packet[0] not in (self._STDOUT, self._STDERR, self._EXIT):
                    raise ProtocolError(
                        f"a device sends no packet of kind {self._packet[0]} in adb's shell protocol"
                    )
                continue
            piece = bytes(self._received[: min(left, limit)])
            if not piece:
                return b""
            del self._received[: len(piece)]
            self._packet = (kind, left - len(piece))
            if kind == self._STDOUT:
                return piece
            if kind == self._STDERR:
                self._standard_error = (self._standard_error + piece.decode(errors="replace"))[
                    -_KEPT_CHARACTERS:
                ]
            else:
                self._status = ExitStatus.from_shell(piece[0])
                self._ended.set()
                return b""


class ChannelStream:
    """An agent on a channel whose input cannot be closed: an END frame makes the agent exit."""

    def __init__(self, channel: AgentStream) -> None:
        self._channel = channel
        self.send = channel.send
        self.receive = channel.receive
        self.close = channel.close

    @property
    def standard_error(self) -> str:
        """The tail, available after the agent has ended."""
        return self._channel.standard_error

    def close_input(self) -> None:
        """Send the END frame."""
        self._channel.send_now(END_OF_INPUT)

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:
        """What the device reported."""
        status = self._channel.wait_status(deadline)
        return None if status is None else ExitStatus.from_wait(status)


class CommandProcessStream:
    """A command of a machine that is reached without adb."""

    def __init__(self, command: CommandStream) -> None:
        self._command = command
        self.send = command.send
        self.close_input = command.close_input
        self.receive = command.receive
        self.close = command.close

    @property
    def standard_error(self) -> str:
        """The tail so far."""
        return self._command.standard_error

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:
        """What the machine reported."""
        status = self._command.status(deadline)
        return None if status is None else ExitStatus.from_shell(status)
