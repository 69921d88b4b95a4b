"""Ways for a payload to get from one process to another, one system call at either end.

What a channel opens ends with the two processes, or with `close`.
"""

from __future__ import annotations

import os
import socket
import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.agent.operations import SystemCall
from harness.agent.syscalls import AT_FDCWD
from harness.experiments.copies.copy_functions import (
    MESSAGE_IN,
    MESSAGE_OUT,
    PIPE_IN,
    PIPE_OUT,
    SOCKET_IN,
    SOCKET_OUT,
    CopyFunction,
)

if TYPE_CHECKING:
    from harness.device.device import DeviceProcess

QUEUE_CAPACITY = 8192
"""Bytes that a message of either kind of queue may have, where nobody has set that otherwise."""
IPC_PRIVATE = 0
IPC_RMID = 0
_ONE_CONNECTION = 1
_OWNER_ONLY = 0o600
_MESSAGE_TYPE = struct.Struct("<q")


class Channel(ABC):
    """A way from `source`, in the sender's memory, to `destination`, in the receiver's."""

    name: ClassVar[str]
    functions: tuple[CopyFunction, ...]
    """What may copy the payload, at the sender and at the receiver."""
    capacity: ClassVar[int] = QUEUE_CAPACITY
    """Bytes of the largest payload."""

    def __init__(self, sender: DeviceProcess, receiver: DeviceProcess) -> None:
        """Raises OSError where the kernel has no such thing (ENOSYS), or lets nobody use it."""
        self.sender = sender
        self.receiver = receiver
        self.source, self.destination = (
            process.memory.allocate(self.capacity + process.page_size).address
            for process in (sender, receiver)
        )
        receiver.memory.fill(self.destination, self.capacity, seed=0)  # so that there are frames

    @abstractmethod
    def send(self, size: int) -> SystemCall:
        """The call by which the sender's main thread sends the first `size` bytes at the source."""

    @abstractmethod
    def receive(self, size: int) -> SystemCall:
        """The call by which the receiver's main thread gets them to the destination."""

    def finish(self) -> None:  # noqa: B027 — most channels have nothing to do
        """Do what else belongs to a transfer, after `receive`."""

    def close(self) -> None:  # noqa: B027
        """Remove what would outlive the processes."""


class Pipe(Channel):
    """pipe(7); the receiver opens the sender's reading end through /proc."""

    name = "pipe"
    functions = (PIPE_IN, PIPE_OUT)

    def __init__(self, sender: DeviceProcess, receiver: DeviceProcess) -> None:
        super().__init__(sender, receiver)
        sender.syscall("pipe2", self.source, os.O_CLOEXEC)
        reading, self._writing = struct.unpack("<ii", sender.memory.read(self.source, 8))
        path = f"/proc/{sender.pid}/fd/{reading}".encode()
        self._reading = receiver.syscall("openat", AT_FDCWD, path, os.O_RDONLY | os.O_CLOEXEC)

    def send(self, size: int) -> SystemCall:
        """write(2)."""
        return SystemCall("write", self._writing, self.source, size)

    def receive(self, size: int) -> SystemCall:
        """read(2)."""
        return SystemCall("read", self._reading, self.destination, size)


class Socket(Channel):
    """A stream socket of the local kind, unix(7), with an abstract name."""

    name = "socket"
    functions = (SOCKET_IN, SOCKET_OUT)

    def __init__(self, sender: DeviceProcess, receiver: DeviceProcess) -> None:
        super().__init__(sender, receiver)
        kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
        address = struct.pack("<H", socket.AF_UNIX) + f"\0binder-harness-{receiver.pid}".encode()
        listening = receiver.syscall("socket", socket.AF_UNIX, kind, 0)
        receiver.syscall("bind", listening, address, len(address))
        receiver.syscall("listen", listening, _ONE_CONNECTION)
        self._sending = sender.syscall("socket", socket.AF_UNIX, kind, 0)
        sender.syscall("connect", self._sending, address, len(address))
        self._receiving = receiver.syscall("accept4", listening, 0, 0, socket.SOCK_CLOEXEC)

    def send(self, size: int) -> SystemCall:
        """sendto(2)."""
        return SystemCall("sendto", self._sending, self.source, size, 0, 0, 0)

    def receive(self, size: int) -> SystemCall:
        """recvfrom(2)."""
        return SystemCall("recvfrom", self._receiving, self.destination, size, socket.MSG_WAITALL, 0, 0)


class SystemVQueue(Channel):
    """A message queue of System V, sysvipc(7). The type precedes each message, and is no payload."""

    name = "System V message queue"
    functions = (MESSAGE_IN, MESSAGE_OUT)

    def __init__(self, sender: DeviceProcess, receiver: DeviceProcess) -> None:
        super().__init__(sender, receiver)
        self.source += _MESSAGE_TYPE.size
        self.destination += _MESSAGE_TYPE.size
        sender.memory.write(self.source - _MESSAGE_TYPE.size, _MESSAGE_TYPE.pack(1))
        self._queue = sender.syscall("msgget", IPC_PRIVATE, _OWNER_ONLY)

    def send(self, size: int) -> SystemCall:
        """msgsnd(2)."""
        return SystemCall("msgsnd", self._queue, self.source - _MESSAGE_TYPE.size, size, 0)

    def receive(self, size: int) -> SystemCall:
        """msgrcv(2)."""
        return SystemCall("msgrcv", self._queue, self.destination - _MESSAGE_TYPE.size, size, 0, 0)

    def close(self) -> None:
        """msgctl(2), IPC_RMID."""
        self.sender.syscall("msgctl", self._queue, IPC_RMID, 0)


class PosixQueue(Channel):
    """A message queue of POSIX, mq_overview(7), nameless as soon as both have it open."""

    name = "POSIX message queue"
    functions = (MESSAGE_IN, MESSAGE_OUT)

    def __init__(self, sender: DeviceProcess, receiver: DeviceProcess) -> None:
        super().__init__(sender, receiver)
        name = f"binder-harness-{sender.pid}".encode()
        flags = os.O_RDWR | os.O_CLOEXEC
        attributes = struct.pack("<8q", 0, 1, self.capacity, 0, 0, 0, 0, 0)  # struct mq_attr: one message
        self._sending = sender.syscall(
            "mq_open", name, flags | os.O_CREAT | os.O_EXCL, _OWNER_ONLY, attributes
        )
        try:
            self._receiving = receiver.syscall("mq_open", name, flags, 0, 0)
        finally:
            sender.syscall("mq_unlink", name)

    def send(self, size: int) -> SystemCall:
        """mq_timedsend(2)."""
        return SystemCall("mq_timedsend", self._sending, self.source, size, 0, 0)

    def receive(self, size: int) -> SystemCall:  # noqa: ARG002
        """mq_timedreceive(2), which needs room for the largest message there may be."""
        return SystemCall("mq_timedreceive", self._receiving, self.destination, self.capacity, 0, 0)


OTHER_CHANNELS: tuple[type[Channel], ...] = (Pipe, Socket, SystemVQueue, PosixQueue)
"""Those of every Unix, beside Binder."""
