"""What BINDER_WRITE_READ does for each combination of something and nothing to write and to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.memory import RemoteBuffer
from harness.binder import Binder
from harness.binder.abi import commands, returns
from harness.binder.abi.structures import BinderWriteRead, TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.ioctls import READ_SIZE
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.non_blocking import exchange, names, open_non_blocking

if TYPE_CHECKING:
    from harness.device.device import Device

COMBINATIONS = ((True, False), (False, False), (False, True), (True, True))
"""Whether to write and whether to read. In this order, there is something to read each time."""


@dataclass(frozen=True, slots=True)
class SizedExchange:
    """One BINDER_WRITE_READ; sizes in bytes. Its buffers were there, and full, whatever the sizes."""

    code: int
    """Of the one-way call in the write buffer."""
    write_size: int
    read_size: int
    write_consumed: int
    read_consumed: int
    returned: tuple[str, ...]
    """What the driver put into the read buffer."""


@dataclass(frozen=True, slots=True)
class WriteOrRead:
    """The exchanges in their order, and the codes of the calls that reached the server."""

    exchanges: tuple[SizedExchange, ...]
    delivered: tuple[int, ...]


@measurement("write-or-read", "What BINDER_WRITE_READ writes and reads, by the sizes it is given.")
def measure_write_or_read(device: Device) -> WriteOrRead:
    """Put another one-way call into the write buffer before each exchange, then see which arrived."""
    with (
        open_non_blocking(device) as pair,
        pair.client_process.memory.allocate(2 * READ_SIZE) as memory,
    ):
        exchanges = tuple(
            _exchange(pair.client, memory, code, write=write, read=read)
            for code, (write, read) in enumerate(COMBINATIONS, start=1)
        )
        return WriteOrRead(exchanges, _delivered(pair.server))


def _exchange(client: Binder, memory: RemoteBuffer, code: int, *, write: bool, read: bool) -> SizedExchange:
    call = commands.Transaction(target=0, code=code, flags=TransactionFlag.TF_ONE_WAY).encode()
    memory.write(READ_SIZE, call)
    argument = BinderWriteRead(
        write_size=len(call) if write else 0,
        write_buffer=memory.address + READ_SIZE,
        read_size=READ_SIZE if read else 0,
        read_buffer=memory.address,
    )
    done = client.ioctls.ioctl_inout(BinderIoctl.BINDER_WRITE_READ, argument)
    return SizedExchange(
        code=code,
        write_size=done.write_size,
        read_size=done.read_size,
        write_consumed=done.write_consumed,
        read_consumed=done.read_consumed,
        returned=names(returns.parse(memory.read(0, done.read_consumed))),
    )


def _delivered(server: Binder) -> tuple[int, ...]:
    codes: list[int] = []
    returned = exchange(server, commands.EnterLooper())
    while calls := [command for command in returned if isinstance(command, returns.Transaction)]:
        codes += [call.code for call in calls]
        # The driver holds back the next one-way call to a node until the buffer of the last is free.
        returned = exchange(server, *(commands.FreeBuffer(call.buffer) for call in calls))
    return tuple(codes)
