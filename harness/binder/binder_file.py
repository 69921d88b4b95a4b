"""One open and mapped binder device of one process, and what all threads that use it have in common."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.process import RemoteProcess
from harness.binder.abi.objects import Node
from harness.binder.abi.returns import Return

if TYPE_CHECKING:
    from harness.binder.call import Handler
    from harness.binder.driver_thread import DriverThread

DRIVER_MAPPING_LIMIT = 4 * 1024 * 1024
"""A larger mapping serves no more than this (binder_alloc.c, binder_alloc_mmap_handler)."""

CONTEXT_MANAGER_NODE = Node(ptr=0, cookie=0)
"""What the driver calls the node behind everybody's handle 0 (binder.c, binder_ioctl_set_ctx_mgr)."""

Kind = TypeVar("Kind", bound=Return)


class BinderFile:
    """A descriptor, its mapping, the process's nodes, and what the driver told no thread in particular."""

    def __init__(self, process: RemoteProcess, path: str, descriptor: int, mapping: int, size: int) -> None:
        self.process = process
        self.path = path
        self.descriptor = descriptor
        self.mapping = mapping
        """Address of the mapping."""
        self.size = size
        """Bytes mapped."""
        self.spawn_looper: Callable[[], None] | None = None
        """Starts the thread the driver asks for with BR_SPAWN_LOOPER."""
        self.held: dict[int, int] = {}
        """Received buffers that were not freed: their addresses and sizes, as the driver rounds them."""
        self.targets: dict[int, BinderFile] = {}
        """Whose nodes our handles are known to refer to: tells the room when a call is too large."""
        self.handler_errors: list[Exception] = []
        """What handlers raised, in order."""
        self.lock = threading.Lock()
        self.spare_thread: DriverThread | None = None
        """Set, under the lock, by DriverThread.spare."""
        self._handlers: dict[int, Handler] = {}
        self._node_numbers = itertools.count(1)
        self._notices: list[Return] = []
        self._noticed = threading.Condition()

    def __str__(self) -> str:
        return f"{self.path} of process {self.process.pid}"

    @property
    def room(self) -> int:
        """Bytes of the mapping that no received buffer holds, by our own count."""
        return min(self.size, DRIVER_MAPPING_LIMIT) - sum(self.held.values())

    def add_node(self, handler: Handler) -> Node:
        """A new local object; calls to it go to `handler`."""
        number = next(self._node_numbers)
        node = Node(ptr=number * 0x1000, cookie=number)
        self._handlers[node.ptr] = handler
        return node

    def handle_with(self, node: Node, handler: Handler) -> None:
        """Send the calls to a node to another handler."""
        self._handlers[node.ptr] = handler

    def handler(self, ptr: int) -> Handler | None:
        """Who handles calls to the node with this ptr."""
        return self._handlers.get(ptr)

    def notify(self, notice: Return) -> None:
        """Keep a death or freeze notification for whoever waits for it."""
        with self._noticed:
            self._notices.append(notice)
            self._noticed.notify_all()

    def take_notice(self, kind: type[Kind], cookie: int) -> Kind | None:
        """The first notification of this kind with this cookie, which is then forgotten."""
        with self._noticed:
            for notice in self._notices:
                if isinstance(notice, kind) and getattr(notice, "cookie", None) == cookie:
                    self._notices.remove(notice)
                    return notice
        return None

    def await_notice(self, kind: type[Kind], cookie: int, deadline: Deadline) -> Kind:
        """Wait until another thread has kept such a notification; TimeLimitError at the deadline."""
        with self._noticed:
            while (notice := self.take_notice(kind, cookie)) is None:
                if not self._noticed.wait(deadline.remaining()):
                    raise TimeLimitError(
                        f"{kind.TAG.name} for cookie {cookie:#x} on {self}: not within {deadline.seconds:g} s"
                    )
        return notice
