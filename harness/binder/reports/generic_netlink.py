"""A generic netlink socket of a process on the device: finds families, joins groups, receives messages.

Source of the numbers: include/uapi/linux/netlink.h and genetlink.h (Linux 6.18).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from emulator.base.deadline import Deadline
from harness.agent.operations import Earlier, Read, SystemCall
from harness.agent.process import RemoteProcess
from harness.agent.thread import DEFAULT_SECONDS, RemoteThread
from harness.binder.reports.netlink import Message, parse_attributes, parse_messages, request

AF_NETLINK, NETLINK_GENERIC = 16, 16
SOCK_RAW, SOCK_CLOEXEC = 3, 0o2000000
MSG_DONTWAIT = 0x40
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 1, 2, 7
CTRL_ATTR_MCAST_GRP_NAME, CTRL_ATTR_MCAST_GRP_ID = 1, 2
LARGEST_READ = 8192
"""Bytes: what the kernel puts into one message at most, with pages of 4 KiB (NLMSG_GOODSIZE)."""


@dataclass(frozen=True, slots=True)
class Family:
    """A generic family of the kernel's."""

    number: int
    groups: Mapping[str, int]
    """Its multicast groups by name."""


class GenericSocket:
    """A socket and the thread that uses it."""

    def __init__(self, thread: RemoteThread, descriptor: int, buffer: int) -> None:
        self._thread = thread
        self._descriptor = descriptor
        self._buffer = buffer
        self._open = True

    @classmethod
    def open(cls, process: RemoteProcess) -> Self:
        """Open one, with a thread of its own; raises OSError where a security policy refuses it."""
        thread = process.start_thread()
        buffer = process.memory.scratch(LARGEST_READ).address(LARGEST_READ)
        descriptor = thread.syscall("socket", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC)
        return cls(thread, descriptor, buffer)

    def family(self, name: str) -> Family | None:
        """The family of this name; None where the kernel has none, OSError for another refusal."""
        asked = request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, {CTRL_ATTR_FAMILY_NAME: f"{name}\0".encode()})
        self._thread.syscall("sendto", self._descriptor, asked, len(asked), 0, 0, 0)
        (answer, *_) = self.receive(Deadline(DEFAULT_SECONDS))
        if answer.error == errno.ENOENT:
            return None
        if answer.error:
            raise OSError(answer.error, os.strerror(answer.error))
        number = int.from_bytes(answer.attributes.get(CTRL_ATTR_FAMILY_ID, b""), "little")
        return Family(number, dict(_groups(answer.attributes.get(CTRL_ATTR_MCAST_GROUPS, b""))))

    def join(self, group: int) -> None:
        """Receive what the kernel sends to a group, from now on."""
        value = group.to_bytes(4, "little")
        self._thread.syscall(
            "setsockopt", self._descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, value, len(value)
        )

    def receive(self, deadline: Deadline, *, wait: bool = True) -> list[Message]:
        """The messages of one datagram; none where none is there and `wait` is false.

        Raises TimeLimitError at the deadline, OSError with ENOBUFS once for messages that were dropped since
        there was no room for them.
        """
        try:
            results = self._thread.batch(
                SystemCall(
                    "recvfrom",
                    *(self._descriptor, self._buffer, LARGEST_READ, 0 if wait else MSG_DONTWAIT, 0, 0),
                ),
                Read(self._buffer, Earlier(0), LARGEST_READ),
                deadline=deadline,
            )
            return parse_messages([result.checked() for result in results][-1].data)
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Close it; does nothing the second time."""
        if self._open:
            self._open = False
            self._thread.syscall("close", self._descriptor)


def _groups(data: bytes) -> Iterator[tuple[str, int]]:
    for group in parse_attributes(data).values():
        described = parse_attributes(group)
        name = described.get(CTRL_ATTR_MCAST_GRP_NAME, b"").rstrip(b"\0").decode(errors="replace")
        yield name, int.from_bytes(described.get(CTRL_ATTR_MCAST_GRP_ID, b""), "little")
