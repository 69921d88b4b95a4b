"""How much of a mapping transactions can use: all of it up to a cap, one-way transactions a part of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import RemotePayload, TransactionFailedError, open_pair
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.debug_files import statistics_of
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.largest import largest_accepted
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.device.device import Device

MIB = 1024 * 1024
WORD = 8
"""Bytes to which the driver rounds sizes up."""


@dataclass(frozen=True, slots=True)
class MappingCap:
    """How much of a mapping that is larger than the driver's cap can be used, in bytes."""

    asked_for: int
    mapped: int
    """The size that /proc/PID/smaps shows."""
    largest_payload: int
    errno_beyond: int | None
    """The errno of a payload of one word more; None where the driver does not report it."""
    counted: int | None
    """The size of the mapping by the driver's own count; None where its debug files are not readable."""


@measurement("mapping-cap", "The largest payload that a process with a mapping of 8 MiB can receive.")
def measure_mapping_cap(device: Device, asked_for: int = 8 * MIB) -> MappingCap:
    """Map `asked_for` bytes and find the largest call that arrives."""
    with (
        open_pair(device, free_node(device.facts), size=asked_for) as pair,
        pair.client_process.memory.allocate(asked_for + WORD) as payload,
    ):

        def refusal(size: int) -> TransactionFailedError | None:
            try:
                pair.client.transact(0, 1, RemotePayload(payload.address, size))
            except TransactionFailedError as error:
                return error
            return None

        largest = largest_accepted(lambda size: refusal(size) is None, high=asked_for, step=WORD)
        beyond = refusal(largest + WORD)
        receiver = pair.server_process
        statistics = statistics_of(device, receiver)
        pages = statistics.pages if statistics else None
        return MappingCap(
            asked_for=asked_for,
            mapped=receiver.maps.at(pair.server.mapping).size,
            largest_payload=largest,
            errno_beyond=None if beyond is None else beyond.errno,
            counted=None
            if pages is None
            else sum((pages.active, pages.lru, pages.free)) * receiver.page_size,
        )


@dataclass(frozen=True, slots=True)
class OneWayShare:
    """How a mapping is shared between one-way transactions and calls, in bytes."""

    mapping: int
    free_space: int | None
    """The space that the driver shows as free for one-way transactions; None where its debug files are
    not readable."""
    largest: int
    """The largest one-way payload that a receiver with an empty mapping took."""
    room_beside: int
    """The largest call that it took beside that one."""
    errno_beyond: int | None
    """The errno of one more one-way transaction, of one word; None where it was taken, or where the driver
    does not report it."""
    taken_beyond: bool
    """Whether that transaction was taken."""


@measurement("oneway-share", "How much of a mapping one-way transactions can use, and calls beside them.")
def measure_oneway_share(device: Device) -> OneWayShare:
    """Fill the receiver with one one-way payload that it keeps, then try another, and calls."""
    with open_deliveries(device) as deliveries:
        mapping = deliveries.pair.server.size

        def refusal(size: int, *, one_way: bool) -> TransactionFailedError | None:
            try:
                deliveries.send(size, one_way=one_way).free()
            except TransactionFailedError as error:
                return error
            return None

        statistics = statistics_of(device, deliveries.receiver)
        word = RemotePayload(deliveries.payload(mapping).address, WORD)
        largest = largest_accepted(lambda size: refusal(size, one_way=True) is None, high=mapping, step=WORD)
        beyond: TransactionFailedError | None = None
        with deliveries.send(largest, one_way=True):
            try:
                # It is taken or refused at once; it is not delivered while the first one is kept.
                deliveries.pair.client.post(0, 1, word)
            except TransactionFailedError as error:
                beyond = error
            room = largest_accepted(
                lambda size: refusal(size, one_way=False) is None, high=mapping, step=WORD
            )
        return OneWayShare(
            mapping=mapping,
            free_space=statistics.free_oneway_space if statistics else None,
            largest=largest,
            room_beside=room,
            errno_beyond=None if beyond is None else beyond.errno,
            taken_beyond=beyond is None,
        )
