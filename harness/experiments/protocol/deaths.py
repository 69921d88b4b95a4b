"""Death notifications: requested in time, requested and taken back, requested after the death."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.binder import Binder, Node, Pair
from harness.binder.abi import commands, returns
from harness.binder.abi.returns import Return
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.non_blocking import (
    drain,
    exchange,
    names,
    obtain_object,
    open_non_blocking,
)

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

OBJECT = Node(ptr=0x1000, cookie=1)
IN_TIME, CLEARED, TOO_LATE = 0xA, 0xB, 0xC
"""The cookies of three requests: one kept, one taken back, one made after the death."""
DEATH_SECONDS = 5.0
_DELIVERED = "has delivered dead binder"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification and the cookie it brings back."""

    command: str
    cookie: int


@dataclass(frozen=True, slots=True)
class Deaths:
    """What the holder of two objects of one owner received."""

    end: str
    """How the owner ended."""
    before: tuple[Notice, ...]
    """While the owner lived: one request was made, another made and taken back."""
    after: tuple[Notice, ...]
    """When the owner had ended."""
    acknowledged: tuple[bool | None, bool | None]
    """Whether the debug files show a delivered notice: before BC_DEAD_BINDER_DONE, and after it.

    None where the device does not show them.
    """
    call: tuple[str, ...]
    """What the driver returned to a call to the dead object."""
    too_late: tuple[Notice, ...]
    """When another request was made after all that, for the object whose request had been taken back."""


@measurement("deaths", "What a process receives when the owner of objects it holds dies.")
def measure_deaths(device: Device) -> Deaths:
    """Hold two objects of one process, request to be notified of their deaths, take one back, and kill it."""
    with open_non_blocking(device) as pair:
        holder = pair.client
        exchange(holder, commands.EnterLooper())
        manager, other = 0, obtain_object(pair, OBJECT)
        exchange(holder, commands.Acquire(manager), commands.RequestDeathNotification(manager, IN_TIME))
        exchange(holder, commands.RequestDeathNotification(other, CLEARED))
        before = exchange(holder, commands.ClearDeathNotification(other, CLEARED))

        end = pair.server_process.kill()
        after = _await_notice(holder)
        delivered = _shows_delivered(device, pair)
        exchange(holder, commands.DeadBinderDone(IN_TIME))
        done = _shows_delivered(device, pair)

        call = exchange(holder, commands.Transaction(target=other))
        too_late = exchange(holder, commands.RequestDeathNotification(other, TOO_LATE)) or _await_notice(
            holder
        )
        exchange(holder, commands.DeadBinderDone(TOO_LATE))
    return Deaths(
        end=str(end),
        before=_notices(before),
        after=_notices(after),
        acknowledged=(delivered, done),
        call=names(call),
        too_late=_notices(too_late),
    )


def _await_notice(holder: Binder) -> tuple[Return, ...]:
    """What the driver returns next, or nothing in 5 s: it releases a dead process's files some time later."""
    try:
        return Deadline(DEATH_SECONDS).poll(lambda: drain(holder), f"a death notification on {holder}")
    except TimeLimitError:
        return ()


def _notices(returned: Iterable[Return]) -> tuple[Notice, ...]:
    return tuple(
        Notice(command.TAG.name, command.cookie)
        for command in returned
        if isinstance(command, returns.DeadBinder | returns.ClearDeathNotificationDone)
    )


def _shows_delivered(device: Device, pair: Pair[DeviceProcess]) -> bool | None:
    if not device.facts.binder_debug:
        return None
    blocks = device.binder.process(pair.client_process.pid).blocks
    return any(_DELIVERED in block.work for block in blocks)
