"""Calls to a process that is frozen for Binder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError
from harness.binder.abi import commands, returns
from harness.binder.abi.commands import EnterLooper
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.non_blocking import exchange, names, open_non_blocking

if TYPE_CHECKING:
    from harness.device.device import Device

CALL, ONE_WAY_CALL = 1, 2
FREEZE = "BINDER_FREEZE"


@dataclass(frozen=True, slots=True)
class FrozenCalls:
    """What a call and a one-way call to a frozen process bring."""

    call: tuple[str, ...]
    """What the driver returns to the caller of the first, in the same ioctl."""
    one_way: tuple[str, ...]
    """Of the second."""
    called_since: bool
    """Whether BINDER_GET_FROZEN_INFO then reports a call since the process was frozen."""
    one_way_since: bool
    """Whether it reports a one-way call."""
    afterwards: tuple[int, ...]
    """The codes of the calls that the process receives when it is no longer frozen."""


@measurement("frozen-calls", "What calls to a process bring that is frozen for Binder.")
def measure_frozen_calls(device: Device) -> FrozenCalls:
    """Freeze the receiver with BINDER_FREEZE, call it, unfreeze it, and let it read."""
    if FREEZE not in device.facts.driver_ioctls:
        refused = FREEZE in device.facts.refused_ioctls
        raise FacilityMissingError(
            f"needs {FREEZE}: "
            + ("a security policy refuses it here" if refused else "this driver does not have it")
            + ". It can be tested on the embedded device, or a rooted one with Linux 5.13 or later."
        )
    with open_non_blocking(device) as pair:
        receiver = pair.server_process.pid
        controls = pair.client.controls
        controls.freeze(receiver)
        call = names(exchange(pair.client, commands.Transaction(target=0, code=CALL)))
        one_way = names(
            exchange(
                pair.client,
                commands.Transaction(target=0, code=ONE_WAY_CALL, flags=TransactionFlag.TF_ONE_WAY),
            )
        )
        info = controls.get_frozen_info(receiver)
        controls.freeze(receiver, enable=False)
        received = exchange(pair.server, EnterLooper())
        return FrozenCalls(
            call=call,
            one_way=one_way,
            called_since=bool(info.sync_recv),
            one_way_since=bool(info.async_recv),
            afterwards=tuple(each.code for each in received if isinstance(each, returns.Transaction)),
        )
