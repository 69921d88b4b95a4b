"""The largest payloads that a receiver takes, to the byte, and what happens beyond them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import HarnessError
from harness.binder import Call, RemotePayload, TransactionFailedError, open_pair
from harness.binder.abi.structures import FlatBinderObject, ObjectType
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.debug_files import statistics_of
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.largest import largest_accepted
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.device.device import Device

DIGEST = 2
"""The code of a call of whose payload the receiver takes a digest."""
WORD = 8
"""Bytes of an offset, and the multiple to which the driver rounds sizes up."""


class NeverRefusedError(HarnessError):
    """The receiver took all sizes: there is no limit in the range that was searched."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest size that is accepted, found by halving."""

    largest: int
    """Bytes."""
    transactions: int
    """How many it took to find the limit."""
    errno_beyond: int | None
    """What one byte more failed with; None where the driver reports no errno, before Linux 5.19."""


def find_limit(send: Callable[[int], object], *, high: int, low: int = 0) -> Limit:
    """The largest size from `low` on and below `high` for which `send` finds room.

    Raises NeverRefusedError where it takes even `high`.
    """
    refusals: dict[int, TransactionFailedError] = {}
    sent = 0

    def accepts(size: int) -> bool:
        nonlocal sent
        sent += 1
        try:
            send(size)
        except TransactionFailedError as error:
            if error.errno not in (errno.ENOSPC, None):
                raise
            refusals[size] = error
            return False
        return True

    largest = largest_accepted(accepts, low=low, high=high)
    if largest == high:
        raise NeverRefusedError(f"even a payload of {high:,} bytes was taken.")
    return Limit(largest, sent, refusals[largest + 1].errno)


@dataclass(frozen=True, slots=True)
class LargestCall:
    """The largest call that a receiver takes while it holds nothing else."""

    mapping: int
    """Bytes that the receiver mapped."""
    data: Limit
    """Bytes of data, with no object among them."""
    with_object: Limit
    """Bytes of data, with one object among them and its offset beside them."""
    intact: bool
    """Whether the largest one arrived as it was sent."""


@measurement("largest-call", "The largest call that a receiver takes, with data alone and with an object.")
def measure_largest_call(device: Device, size: int | None = None) -> LargestCall:
    """Find it with a mapping of `size` bytes, by default libbinder's."""
    digests: list[bytes] = []

    def digest(call: Call) -> None:
        if call.code == DIGEST:
            digests.append(call.thread.file.process.memory.digest(call.buffer_address, call.data_size))

    with open_pair(device, free_node(device.facts), digest, size=size) as pair:
        client, memory = pair.client, pair.client_process.memory
        high = pair.server.size + WORD
        payload = memory.allocate(high + WORD)
        payload.fill(seed=1)
        data = find_limit(lambda size: client.transact(0, 1, RemotePayload(payload.address, size)), high=high)
        client.transact(0, DIGEST, RemotePayload(payload.address, data.largest))
        intact = digests == [memory.digest(payload.address, data.largest)]
        own_handle = FlatBinderObject(ObjectType.BINDER_TYPE_HANDLE).pack()
        payload.write(0, own_handle + bytes(high - len(own_handle)) + bytes(WORD))
        client.references.acquire(0)  # to name handle 0 in an object, a process has to have it

        def send_object(size: int) -> None:
            client.transact(0, 1, RemotePayload(payload.address, size, payload.address + high, WORD))

        with_object = find_limit(send_object, low=len(own_handle), high=high)
        return LargestCall(pair.server.size, data, with_object, intact)


@dataclass(frozen=True, slots=True)
class LargestOneWay:
    """The largest one-way payload that a receiver takes while it holds nothing else."""

    mapping: int
    """Bytes that the receiver mapped."""
    limit: Limit
    call_beyond: bool
    """Whether a call of one byte more was taken."""
    free_space: int | None
    """What the driver shows as free for one-way transactions; None where it does not."""
    charged: int | None
    """By how much that shrank for a payload of a single word."""


@measurement("largest-oneway", "The largest one-way transaction that a receiver takes.")
def measure_largest_one_way(device: Device) -> LargestOneWay:
    """Find it with libbinder's mapping."""
    with open_deliveries(device) as deliveries:

        def free_space() -> int | None:
            statistics = statistics_of(device, deliveries.receiver)
            return statistics.free_oneway_space if statistics else None

        mapping = deliveries.pair.server.size
        limit = find_limit(lambda size: deliveries.send(size, one_way=True).free(), high=mapping + WORD)
        before = free_space()
        with deliveries.send(WORD, one_way=True):
            during = free_space()
        try:
            deliveries.send(limit.largest + 1).free()
            call_beyond = True
        except TransactionFailedError:
            call_beyond = False
        charged = None if before is None or during is None else before - during
        return LargestOneWay(mapping, limit, call_beyond, before, charged)
