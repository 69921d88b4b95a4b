"""What probes work with: a context manager and a client of it, which never block in the driver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.memory import RemoteBuffer
from harness.binder import Binder, Node, Pair, Parcel
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.commands import Command
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.driver.received import ReceivedBuffer
from harness.experiments.instruments.non_blocking import (
    End,
    drain,
    exchange,
    names,
    only,
    open_non_blocking,
    without_noop,
)

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

PAGE = 4096
MAPPING = 128 * 1024
"""Of the server, in bytes."""
BAD_ADDRESS = 8
"""Where no process has memory."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The two ends, and memory of the client for what it sends."""

    device: Device
    pair: Pair[DeviceProcess]
    page: RemoteBuffer

    @property
    def client(self) -> Binder:
        """Whose handle 0 the server is."""
        return self.pair.client

    @property
    def server(self) -> Binder:
        """The context manager."""
        return self.pair.server

    def write(self, *written: Command, end: End | None = None) -> str:
        """Write commands, as the client unless another end is given; what is returned at once."""
        return shown(exchange(end or self.client, *written))

    def send(self, data: bytes = b"", offsets: Sequence[int] = (), **fields: int) -> tuple[Return, ...]:
        """Send bytes with objects at these offsets to the server; `fields` are those of the transaction."""
        words = b"".join(offset.to_bytes(8, "little") for offset in offsets)
        start = -(-len(data) // 8) * 8
        self.page.write(0, data.ljust(start, b"\0") + words)
        described = {
            "target": 0,
            "data_size": len(data),
            "offsets_size": len(words),
            "buffer": self.page.address,
            "offsets": self.page.address + start,
        }
        return exchange(self.client, commands.Transaction(**{**described, **fields}))  # type: ignore[arg-type]

    def sent(self, data: bytes = b"", offsets: Sequence[int] = (), **fields: int) -> str:
        """The same: what the client is told of it, with the extended error of a failure."""
        return self.with_error(self.send(data, offsets, **fields))

    def with_error(self, returned: Sequence[Return]) -> str:
        """The names of what was returned to the client and, of a failure, the extended error."""
        text = shown(returned)
        if not any(
            isinstance(each, returns.FailedReply | returns.DeadReply | returns.FrozenReply)
            for each in returned
        ):
            return text
        error = self.client.controls.extended_error()
        return f"{text}; extended error {name_of(error.command)} {error.param}"

    def received(self, *written: Command) -> returns.Transaction:
        """The one transaction that the server gets."""
        return only(returns.Transaction, exchange(self.server, *(written or (commands.EnterLooper(),))))

    def handle_on(self, node: Node) -> int:
        """A handle of the client, acquired, on a node that the server replies with."""
        exchange(self.client, commands.Transaction(target=0))
        call = self.received()
        reply = self.server.ioctls.payloads.load(commands.Reply(), Parcel().node(node))
        exchange(self.server, commands.FreeBuffer(call.buffer), reply)
        received = ReceivedBuffer(self.client.ioctls, only(returns.Reply, drain(self.client)))
        (handle,) = objects.handles(*received.read())
        exchange(self.client, commands.Acquire(handle), received.released())
        drain(self.server)
        return handle

    def ioctl(self, request: int, argument: int | bytes, end: Binder | None = None) -> int:
        """An ioctl with any argument, as the client unless another end is given; raises its OSError."""
        chosen = end or self.client
        return chosen.ioctls.remote.syscall("ioctl", chosen.descriptor, request, argument)

    def write_read(self, **fields: int) -> str:
        """BINDER_WRITE_READ with these fields; what it consumed and read, in bytes."""
        self.page.write(0, BinderWriteRead(**fields).pack())
        try:
            self.ioctl(BinderIoctl.BINDER_WRITE_READ, self.page.address)
        finally:
            after = BinderWriteRead.unpack(self.page.read(0, BinderWriteRead.sizeof()))
        return f"write_consumed {after.write_consumed}, read_consumed {after.read_consumed}"

    def block_of(self, end: DeviceProcess) -> list[str]:
        """The lines of a process in `state`, with every number replaced by #."""
        text = self.device.files.read_text(f"{self.device.binder.location}/state")
        blocks = re.split(r"^proc ", text, flags=re.MULTILINE)
        own = (block for block in blocks if block.startswith(f"{end.pid}\n"))
        return [numberless(line.strip()) for line in "".join(own).splitlines()]

    def text(self, name: str) -> str:
        """A debug file of the driver, with every number replaced by #."""
        return numberless(self.device.files.read_text(f"{self.device.binder.location}/{name}"))


@contextmanager
def open_bench(device: Device) -> Iterator[Bench]:
    """Start both ends on the free binder device, until the end of the block."""
    with open_non_blocking(device, size=MAPPING) as pair, pair.client_process.memory.allocate(PAGE) as page:
        yield Bench(device, pair, page)


def shown(returned: Sequence[Return]) -> str:
    """The names of returns; `nothing` where there is none."""
    return " ".join(without_noop(names(returned))) or "nothing"


def name_of(command: int) -> str:
    """The kernel's name of a return command, or its number."""
    return BinderReturn(command).name if command in BinderReturn._value2member_map_ else f"{command:#x}"


def numberless(text: str) -> str:
    """A text with every number replaced by #, hexadecimal ones too, as probes compare it."""
    return re.sub(r"0x[0-9a-f]+|u[0-9a-f]{8,}|\b[0-9a-f]{16}\b|\d+", "#", text)
