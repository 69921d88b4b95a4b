"""A process's end of Binder: opens and maps a device, calls objects, and serves its own."""

from __future__ import annotations

import contextlib
import mmap
import os
from types import TracebackType
from typing import Self

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.agent.errors import AgentDiedError
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.binder.abi.objects import Node
from harness.binder.binder_file import CONTEXT_MANAGER_NODE, BinderFile
from harness.binder.call import Handler
from harness.binder.references import References
from harness.binder.server import Server

_MAP_NORESERVE = 0x4000


def binder_vm_size(page_size: int) -> int:
    """What libbinder maps: 1 MiB less two pages (ProcessState.cpp, BINDER_VM_SIZE, Android 8 and later)."""
    return 1024 * 1024 - 2 * page_size


class Binder(References):
    """An open and mapped binder device, used from the process's first thread; `on` gives it further ones.

    A context manager; also ends with its process.
    """

    def __init__(self, file: BinderFile) -> None:
        super().__init__(file, file.process.main)
        self.server: Server | None = None
        self._open = True

    def __repr__(self) -> str:
        where = f"{self.size:,} bytes at {self.mapping:#x}" if self._open else "closed"
        return f"<Binder {self.file.path} of process {self.file.process.pid}: {where}>"

    @classmethod
    def open(
        cls,
        process: RemoteProcess,
        path: str = "/dev/binder",
        *,
        size: int | None = None,
        flags: int = os.O_RDWR | os.O_CLOEXEC,
    ) -> Self:
        """Open the device and map `size` bytes, by default what libbinder maps; raises OSError."""
        descriptor = process.syscall("openat", AT_FDCWD, os.fsencode(path), flags, 0)
        size = binder_vm_size(process.page_size) if size is None else size
        try:
            mapping = process.syscall(
                "mmap", 0, size, mmap.PROT_READ, mmap.MAP_PRIVATE | _MAP_NORESERVE, descriptor, 0
            )
        except BaseException:
            process.syscall("close", descriptor)
            raise
        return cls(BinderFile(process, path, descriptor, mapping, size))

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

    def on_new_thread(self) -> References:
        """Another thread of the process, for calls beside those of this one."""
        return References(self.file, self.file.process.start_thread())

    def become_context_manager(self, *, extended: bool = False, security_context: bool = False) -> None:
        """Be the object behind everybody's handle 0; OSError with EBUSY where somebody is.

        `extended` takes BINDER_SET_CONTEXT_MGR_EXT (Linux 5.0) and with it calls that carry file
        descriptors, which the plain ioctl's node refuses (EPERM); `security_context` also asks for the
        callers' security contexts.
        """
        self.set_context_manager(extended=extended, security_context=security_context)

    def serve(self, handler: Handler | None = None, *, threads: int = 1) -> Server:
        """Answer calls to the context manager with `handler`, and those to `add_node`'s nodes with theirs.

        At most `threads` loopers: one starts at once, the driver may ask for the others. A handler runs
        on a Python thread; what it raises reaches the caller as a status, and the owner at close().
        """
        if self.server is not None:
            raise UsageError(f"{self.file} is served already: open the device once more for another server")
        if handler is not None:
            self.file.handle_with(CONTEXT_MANAGER_NODE, handler)
        self.set_max_threads(threads - 1)
        self.server = Server(self.file, threads=threads)
        return self.server

    def add_node(self, handler: Handler) -> Node:
        """A new object of this process, to be sent with `Parcel.node`; calls to it go to `handler`."""
        return self.file.add_node(handler)

    def close(self, deadline: Deadline | None = None) -> None:
        """Stop serving, unmap and close; HandlerError where a handler had raised."""
        if not self._open:
            return
        self._open = False
        try:
            if self.server is not None:
                self.server.stop(deadline)
        finally:
            with contextlib.suppress(AgentDiedError):
                self.file.process.syscall("munmap", self.mapping, self.size)
                self.file.process.syscall("close", self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
