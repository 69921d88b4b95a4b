"""The nodes that a process offers through one open file, each with the handler of the calls to it."""

from __future__ import annotations

import itertools
import logging
import traceback

from emulator.base.errors import UsageError
from emulator.base.printable import printable
from harness.agent.errors import AgentDiedError
from harness.binder.abi import commands, returns
from harness.binder.abi.objects import Node
from harness.binder.abi.structures import TransactionFlag
from harness.binder.driver.ioctls import InterruptedThreadError
from harness.binder.driver.one_trip import Content
from harness.binder.driver.payload import Data, RemotePayload
from harness.binder.errors import RemoteError, StatusError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.status import StatusCode
from harness.binder.serving.call import Call, Handler
from harness.binder.thread.binder_thread import BinderThread

logger = logging.getLogger(__name__)

CONTEXT_MANAGER_NODE = Node(ptr=0, cookie=0)
"""The driver's name of the node behind everybody's handle 0 (binder.c, binder_ioctl_set_ctx_mgr)."""


class Nodes:
    """The local objects of one open file, by their ptr."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        """What handlers raised, in order."""
        self._handlers: dict[int, Handler] = {}
        self._numbers = itertools.count(1)

    def add(self, handler: Handler) -> Node:
        """A new node; calls to it go to `handler`."""
        number = next(self._numbers)
        node = Node(ptr=number * 0x1000, cookie=number)
        self.set_handler(node, handler)
        return node

    def set_handler(self, node: Node, handler: Handler) -> None:
        """Send the calls to a node to this handler from now on."""
        self._handlers[node.ptr] = handler

    def handle(
        self, thread: BinderThread, received: returns.Transaction, content: Content | None = None
    ) -> None:
        """Run the handler of the called node; freeing the buffer and the reply are queued on the thread."""
        call = Call(thread, received, content)
        flags = TransactionFlag(0)
        reply: Data | None
        try:
            handler = self._handlers.get(call.target)
            if handler is None:
                raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
            reply = _checked(handler(call))
        except (InterruptedThreadError, AgentDiedError):
            raise
        except StatusError as error:
            flags, reply = TransactionFlag.TF_STATUS_CODE, Parcel().int32(error.status)
        except RemoteError as error:
            reply = Parcel().exception(error)
        except Exception as error:
            self.errors.append(error)
            logger.error("%s", printable(_report(call, error)))
            flags, reply = TransactionFlag.TF_STATUS_CODE, Parcel().int32(StatusCode.UNKNOWN_ERROR)
        if not call.kept:
            thread.queue.add(call.buffer.released())
        if not call.one_way:
            thread.queue.add_carrier(commands.Reply(flags=flags), reply)


def _report(call: Call, error: Exception) -> str:
    """What is known of an exception in a handler at once: the caller only gets a status."""
    trace = "".join(traceback.format_exception(error))
    return f"The handler of {call!r} failed; the caller gets status UNKNOWN_ERROR:\n{trace}"


def _checked(reply: object) -> Data | None:
    """What a handler returned; UsageError if that cannot be a reply."""
    if reply is None or isinstance(reply, Parcel | RemotePayload):
        return reply
    raise UsageError(
        f"a handler returned {reply!r}, of type {type(reply).__name__}: return a Parcel, such as "
        "Parcel().string16('text'), a RemotePayload, or None for an empty reply."
    )
