"""What a handler is given: one incoming transaction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder.abi import returns
from harness.binder.abi.structures import TransactionFlag
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.received import ReceivedBuffer

if TYPE_CHECKING:
    from harness.binder.binder_thread import BinderThread


@dataclass(frozen=True, slots=True)
class RemotePayload:
    """Data that is in the sender's memory already, and never travels between host and device.

    Addresses are the sender's, sizes in bytes; `offsets` is an array of 64-bit words there.
    """

    address: int
    size: int
    offsets: int = 0
    offsets_size: int = 0


Data = Parcel | RemotePayload
"""What a transaction or a reply carries."""


class Call:
    """An incoming transaction; its buffer is freed after the handler unless `keep()` was called."""

    def __init__(self, thread: BinderThread, received: returns.Transaction) -> None:
        self.thread = thread
        """The thread that received it: calls made through it belong to the same chain of calls."""
        self.received = received
        self.buffer = ReceivedBuffer(thread, received)
        self.kept = False
        self.wire = WireFormat.ANDROID_13
        """In which the data is read; to be set before it is."""

    def __repr__(self) -> str:
        return f"<Call {self.received!r}>"

    @property
    def code(self) -> int:
        """Which method is wanted."""
        return self.received.code

    @property
    def flags(self) -> TransactionFlag:
        """The sender's flags."""
        return self.received.flags

    @property
    def one_way(self) -> bool:
        """Whether no reply is awaited; what the handler returns is then dropped."""
        return self.received.one_way

    @property
    def sender_pid(self) -> int:
        """The sender's process as the kernel knows it; 0 in a one-way call."""
        return self.received.sender_pid

    @property
    def sender_euid(self) -> int:
        """The sender's effective user as the kernel knows it."""
        return self.received.sender_euid

    @property
    def target(self) -> int:
        """The ptr of the local node that is called; 0 is the context manager."""
        return self.received.target

    @property
    def buffer_address(self) -> int:
        """Where the data lies in this process's mapping."""
        return self.buffer.address

    @property
    def data_size(self) -> int:
        """Bytes of data."""
        return self.buffer.data_size

    @functools.cached_property
    def data(self) -> ParcelReader:
        """The data, fetched from the device when first asked for."""
        return self.buffer.reader(self.wire)

    @functools.cached_property
    def security_context(self) -> str | None:
        """The sender's, where the node asked for it (BR_TRANSACTION_SEC_CTX)."""
        if not isinstance(self.received, returns.TransactionSecurityContext):
            return None
        file = self.thread.file
        page = file.process.page_size
        address, text = self.received.secctx, b""
        while b"\0" not in text and address < file.mapping + file.size:
            size = page - address % page
            text += file.process.memory.read(address, size)
            address += size
        return text.partition(b"\0")[0].decode(errors="replace")

    def keep(self) -> ReceivedBuffer:
        """Leave the buffer in place after the handler; it is the caller's to free."""
        self.kept = True
        self.buffer.detach()
        return self.buffer


Handler = Callable[[Call], Data | None]
"""Answers a call; None is an empty reply. StatusError and RemoteError become the reply they stand for."""
