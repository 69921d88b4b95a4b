"""A process's end of Binder: opens and maps a device, calls objects, and serves its own."""

from __future__ import annotations

from typing import Self

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.agent.process import RemoteProcess
from harness.argument_types import checked_methods
from harness.binder.abi.objects import Node
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import TransactionFlag
from harness.binder.driver.controls import Controls
from harness.binder.driver.ioctls import ThreadIoctls
from harness.binder.driver.open_file import OPEN_FLAGS, OpenFile
from harness.binder.driver.payload import Data
from harness.binder.driver.received import ReceivedBuffer
from harness.binder.parcels.reader import ParcelReader
from harness.binder.serving.call import Handler
from harness.binder.serving.nodes import CONTEXT_MANAGER_NODE, Nodes
from harness.binder.serving.server import Server
from harness.binder.thread.binder_thread import BinderThread, SharedState
from harness.binder.thread.notifications import Notifications
from harness.binder.thread.references import References


@checked_methods
class Binder:
    """An open and mapped binder device, used on the process's main thread.

    `on_new_thread` gives further threads. A context manager; also ends with its process.
    """

    def __init__(self, file: OpenFile) -> None:
        self.file = file
        self.process = file.process
        self.nodes = Nodes()
        """The process's own objects."""
        self.server: Server | None = None
        """Set by `serve`."""
        self._shared = SharedState(file, self.nodes.handle)
        self.main = BinderThread(self._shared, file.process.main)

    def __repr__(self) -> str:
        where = f"{self.size:,} bytes at {self.mapping:#x}" if self.file.is_open else "closed"
        return f"<Binder {self.file.path} of process {self.process.pid}: {where}>"

    @classmethod
    def open(
        cls,
        process: RemoteProcess,
        path: str = "/dev/binder",
        *,
        size: int | None = None,
        flags: int = OPEN_FLAGS,
    ) -> Self:
        """Open the device and map `size` bytes, by default as many as libbinder; raises OSError."""
        return cls(OpenFile.open(process, path, size=size, flags=flags))

    @property
    def mapping(self) -> int:
        """Address of the mapping."""
        return self.file.mapping

    @property
    def size(self) -> int:
        """Bytes mapped."""
        return self.file.size

    @property
    def descriptor(self) -> int:
        """The process's file descriptor."""
        return self.file.descriptor

    @property
    def references(self) -> References:
        """Takes and drops references to other processes' objects."""
        return self.main.references

    @property
    def notifications(self) -> Notifications:
        """Requests and awaits death and freeze notifications."""
        return self.main.notifications

    @property
    def controls(self) -> Controls:
        """The control ioctls, each under its kernel name."""
        return self.main.controls

    @property
    def ioctls(self) -> ThreadIoctls:
        """Single ioctls, BINDER_WRITE_READ among them, with nothing added."""
        return self.main.ioctls

    def on_new_thread(self) -> BinderThread:
        """Another thread of the process, for calls beside those of the main thread."""
        return self._shared.start_thread()

    def transact(
        self,
        handle: int,
        code: int,
        data: Data | None = None,
        *,
        one_way: bool = False,
        flags: TransactionFlag = TransactionFlag.TF_ACCEPT_FDS,
        deadline: Deadline | None = None,
    ) -> ParcelReader:
        """Call an object and read its reply; see `BinderThread.transact`."""
        return self.main.transact(handle, code, data, one_way=one_way, flags=flags, deadline=deadline)

    def call(
        self,
        handle: int,
        code: int,
        data: Data | None = None,
        *,
        flags: TransactionFlag = TransactionFlag.TF_ACCEPT_FDS,
        deadline: Deadline | None = None,
    ) -> ReceivedBuffer:
        """Call an object and leave the reply in the mapping; see `BinderThread.call`."""
        return self.main.call(handle, code, data, flags=flags, deadline=deadline)

    def post(
        self,
        handle: int,
        code: int,
        data: Data | None = None,
        *,
        flags: TransactionFlag = TransactionFlag.TF_ACCEPT_FDS,
        deadline: Deadline | None = None,
    ) -> Return:
        """Call an object one-way, and return how the driver accepted that; see `BinderThread.post`."""
        return self.main.post(handle, code, data, flags=flags, deadline=deadline)

    def become_context_manager(
        self, *, extended: bool = False, security_context: bool = False, uid: int | None = None
    ) -> None:
        """Become the object behind everybody's handle 0; OSError with EBUSY if another process is.

        `extended` uses BINDER_SET_CONTEXT_MGR_EXT (Linux 5.0), whose node accepts calls with file
        descriptors; the plain ioctl's node refuses them (EPERM). `security_context` also requests the
        callers' security contexts.

        The driver remembers the user of a device's first context manager and refuses others (EPERM) until
        the next boot. A process of root's can become it as that user, `uid`.
        """
        self.controls.set_context_manager(extended=extended, security_context=security_context, uid=uid)

    def serve(self, handler: Handler | None = None, *, threads: int = 1) -> Server:
        """Answer calls to the context manager with `handler`, and calls to `add_node`'s nodes with theirs.

        At most `threads` loopers: one starts at once, the driver may request the others. A handler runs
        on a Python thread; if it raises, the caller gets a status, and close() raises HandlerError. Raises
        UsageError where the file is served already.
        """
        if self.server is not None:
            raise UsageError(f"{self.file} is served already: open the device again for another server")
        if handler is not None:
            self.nodes.set_handler(CONTEXT_MANAGER_NODE, handler)
        self.controls.set_max_threads(threads - 1)
        self.server = Server(self._shared, self.nodes, threads=threads)
        return self.server

    def add_node(self, handler: Handler) -> Node:
        """A new object of this process, to be sent with `Parcel.node`; calls to it go to `handler`."""
        return self.nodes.add(handler)

    def close(self, deadline: Deadline | None = None) -> None:
        """Stop serving, unmap and close; HandlerError if a handler had raised."""
        if not self.file.is_open:
            return
        try:
            if self.server is not None:
                self.server.close(deadline)
        finally:
            self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
