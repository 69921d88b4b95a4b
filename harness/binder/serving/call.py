"""An incoming call, as the handler of the called object receives it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from harness.argument_types import checked_methods
from harness.binder.abi import returns
from harness.binder.abi.structures import TransactionFlag
from harness.binder.driver.one_trip import Content
from harness.binder.driver.payload import Data
from harness.binder.driver.received import ReceivedBuffer
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.thread.binder_thread import BinderThread


@checked_methods
class Call:
    """An incoming transaction; its buffer is freed after the handler unless `keep()` was called."""

    def __init__(
        self, thread: BinderThread, received: returns.Transaction, content: Content | None = None
    ) -> None:
        """`content` is a copy of the data that came together with the call."""
        self.thread = thread
        """The thread that received it: calls made through it belong to the same chain of calls."""
        self.received = received
        self.buffer = ReceivedBuffer(thread.ioctls, received, content)
        self._content = content
        self.kept = False
        self.wire = WireFormat.ANDROID_13
        """The wire format of the data; set it before reading them."""

    def __repr__(self) -> str:
        sender = " one-way" if self.one_way else f" from process {self.sender_pid}"
        content = self._content.data[:32].hex(" ", 4) if self._content is not None else ""
        more = " …" if content and self.data_size > 32 else ""
        shown = f": {content}{more}" if content else ""
        return f"<Call of code {self.code}{sender}, {self.data_size:,} bytes{shown}>"

    @property
    def code(self) -> int:
        """The called method."""
        return self.received.code

    @property
    def flags(self) -> TransactionFlag:
        """The sender's flags."""
        return self.received.flags

    @property
    def one_way(self) -> bool:
        """Whether the sender expects no reply; what the handler returns is then dropped."""
        return self.received.one_way

    @property
    def sender_pid(self) -> int:
        """The sender's process id, from the kernel; 0 in a one-way call."""
        return self.received.sender_pid

    @property
    def sender_euid(self) -> int:
        """The sender's effective user id, from the kernel."""
        return self.received.sender_euid

    @property
    def target(self) -> int:
        """The ptr of the called local node; 0 is the context manager."""
        return self.received.target

    @property
    def buffer_address(self) -> int:
        """The address of the data in this process's mapping."""
        return self.buffer.address

    @property
    def data_size(self) -> int:
        """Bytes of data."""
        return self.buffer.data_size

    @functools.cached_property
    def data(self) -> ParcelReader:
        """A copy of the data, which came with the call unless it was large."""
        return self.buffer.reader(self.wire)

    @functools.cached_property
    def security_context(self) -> str | None:
        """The sender's, if the node requested it (BR_TRANSACTION_SEC_CTX)."""
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
        """Leave the buffer in place after the handler; the caller has to free it."""
        self.kept = True
        self.buffer.free_by(self.thread.shared.spare())
        return self.buffer


Handler = Callable[[Call], Data | None]
"""Answers a call; None is an empty reply. StatusError and RemoteError become the reply of that kind."""
