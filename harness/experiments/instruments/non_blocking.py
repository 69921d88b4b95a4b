"""Two ends that exchange only the commands an experiment writes, and never block in the driver.

Both open the device with O_NONBLOCK: an exchange returns what the driver has queued for the thread, or
nothing. The driver queues all consequences of a command while it carries the command out, so one Python
thread can operate every end, and an empty answer is evidence as well.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

from emulator.base.errors import HarnessError
from harness.agent.operations import Write
from harness.binder import Node, Pair, Parcel, open_ends
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.commands import Command
from harness.binder.abi.returns import Return
from harness.binder.abi.tagged import Tagged
from harness.binder.driver.ioctls import READ_SIZE, ThreadIoctls
from harness.binder.driver.open_file import OPEN_FLAGS
from harness.binder.driver.payload import Loaded
from harness.binder.driver.received import ReceivedBuffer
from harness.binder.errors import DriverRefusedError
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

FLAGS = OPEN_FLAGS | os.O_NONBLOCK

Kind = TypeVar("Kind", bound=Return)


class End(Protocol):
    """A Binder, or one of its further threads."""

    @property
    def ioctls(self) -> ThreadIoctls:
        """The thread's ioctls; `ioctls.payloads.load` makes a command that carries data."""
        ...


class UnexpectedReturnError(HarnessError):
    """The driver did not return what the next step of an experiment needs."""


def open_non_blocking(
    device: Device, *, size: int | None = None
) -> AbstractContextManager[Pair[DeviceProcess]]:
    """A context manager, which maps `size` bytes, and a client on the device's free node."""
    return open_ends(device, free_node(device.facts), size=size, flags=FLAGS)


def exchange(end: End, *written: Command | Loaded) -> tuple[Return, ...]:
    """Write commands, and return what the driver returns in the same ioctl, which may be nothing.

    At most one of the commands may be loaded with a payload.
    """
    payload: Write | None = None
    buffer = b""
    for each in written:
        if isinstance(each, Loaded):
            assert payload is None, "a thread has memory for one payload"
            payload = each.payload
            buffer += each.command.encode()
        else:
            buffer += each.encode()
    try:
        return tuple(end.ioctls.write_read(buffer, READ_SIZE, payload=payload).returns)
    except DriverRefusedError as error:
        if error.errno != errno.EAGAIN:  # EAGAIN comes after the commands were carried out
            raise
        return ()


def drain(end: End) -> tuple[Return, ...]:
    """All that the driver has queued for the thread, in as many ioctls as needed."""
    returned: tuple[Return, ...] = ()
    while more := exchange(end):
        returned += more
    return returned


def only(kind: type[Kind], returned: Iterable[Return]) -> Kind:
    """The only return of a kind; UnexpectedReturnError if there is none, or several."""
    everything = tuple(returned)
    found = [each for each in everything if isinstance(each, kind)]
    if len(found) != 1:
        raise UnexpectedReturnError(
            f"expected {kind.TAG.name} once from the driver; "
            f"it returned {', '.join(names(everything)) or 'nothing'}."
        )
    return found[0]


def names(exchanged: Iterable[Tagged]) -> tuple[str, ...]:
    """The kernel's names of commands or returns."""
    return tuple(each.TAG.name for each in exchanged)


def without_noop(names: Iterable[str]) -> list[str]:
    """Names of returns without BR_NOOP, which the driver puts in front of what it returns."""
    return [name for name in names if name != "BR_NOOP"]


def obtain_object(pair: Pair[DeviceProcess], node: Node) -> int:
    """Have the server send an object of its own in a reply; the client's handle, which it has acquired."""
    exchange(pair.client, commands.Transaction(target=0))
    call = only(returns.Transaction, exchange(pair.server, commands.EnterLooper()))
    reply = pair.server.ioctls.payloads.load(commands.Reply(), Parcel().node(node))
    exchange(pair.server, commands.FreeBuffer(call.buffer), reply)
    received = ReceivedBuffer(pair.client.ioctls, only(returns.Reply, drain(pair.client)))
    (handle,) = objects.handles(*received.read())
    exchange(pair.client, commands.Acquire(handle), received.released())
    return handle
