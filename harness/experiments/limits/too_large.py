"""How a transaction that is too large fails: what its sender gets, what is logged, what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Parcel, RemotePayload, TransactionFailedError, open_pair
from harness.binder.abi.uapi import BinderReturn
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.debug_files import statistics_of
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.binder import Call
    from harness.device.device import Device, DeviceProcess


@dataclass(frozen=True, slots=True)
class Logged:
    """The entry of failed_transaction_log."""

    answer: str
    """The BR_ command that the sender got, by name."""
    errno: int
    """Positive."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One transaction that found no room."""

    size: int
    """Bytes."""
    answer: str | None
    """The BR_ command that the sender got, by name; None where the transaction was taken."""
    errno: int | None
    """What BINDER_GET_EXTENDED_ERROR gave the sender; None where there is no such ioctl."""
    logged: Logged | None
    """None where the driver keeps no such log, or no entry of this transaction."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the driver counts for the receiver; None where it shows no such count."""

    buffers: int | None
    free_one_way_space: int | None
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """A call and a one-way transaction that were too large, and what followed them."""

    mapping: int
    """Bytes that the receiver mapped."""
    call: Refusal
    one_way: Refusal
    next_answered: bool
    """Whether a call of the same thread was answered right after them."""
    before: Holdings | None
    """What the receiver held before, None where the driver does not show that."""
    after: Holdings | None


@measurement("too-large", "The outcome of a call, and of a one-way transaction, that is too large.")
def measure_too_large(device: Device) -> Refusals:
    """Send each with a byte more than there is room for in an empty mapping, then make a small call."""

    def add_one(call: Call) -> Parcel:
        return Parcel().int32(call.data.int32() + 1)

    with open_pair(device, free_node(device.facts), add_one) as pair:
        client, mapping = pair.client, pair.server.size
        address = pair.client_process.memory.allocate(mapping + 1).address

        def refusal(send: Callable[..., object], size: int) -> Refusal:
            try:
                send(0, 1, RemotePayload(address, size))
            except TransactionFailedError as error:
                logged = _logged(device, pair.client_process.pid, size)
                return Refusal(size, error.command.name, error.errno, logged)
            return Refusal(size, None, None, None)

        before = _holdings(device, pair.server_process)
        call = refusal(client.transact, mapping + 1)
        one_way = refusal(client.post, mapping // 2 + 1)
        next_answered = client.transact(0, 1, Parcel().int32(41)).int32() == 42
        return Refusals(mapping, call, one_way, next_answered, before, _holdings(device, pair.server_process))


def _logged(device: Device, pid: int, size: int) -> Logged | None:
    if device.facts.driver != "C":
        return None
    for entry in reversed(device.binder.failed_transaction_log().entries):
        if (entry.from_pid, entry.data_size) == (pid, size):
            error, parameter = entry.return_error, entry.return_error_param
            return Logged(BinderReturn(error).name, -parameter) if error and parameter else None
    return None


def _holdings(device: Device, process: DeviceProcess) -> Holdings | None:
    statistics = statistics_of(device, process)
    return Holdings(statistics.buffers, statistics.free_oneway_space) if statistics else None
