"""Whether a mapping takes as much again when received buffers are given back."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import TransactionFailedError
from harness.binder.driver.received import ReceivedBuffer
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.deliveries import Deliveries, open_deliveries

if TYPE_CHECKING:
    from harness.device.device import Device

MAPPING_SIZE = 128 * 1024
PARTS = 4
PART_SIZE = MAPPING_SIZE // PARTS


@dataclass(frozen=True, slots=True)
class FreedSpace:
    """How many payloads a receiver's mapping took; sizes in bytes."""

    mapping_size: int
    payload_size: int
    at_first: int
    """Before one was refused for lack of room."""
    after_one: int
    """More of them, when one had been given back."""
    after_all: int
    """Of them, when all had been given back."""
    buffers_shown: tuple[int, ...] | None
    """Buffers of the receiver in the driver's debug files: full, one given back, full, all given back, full.

    None where the device does not show them.
    """


@measurement("freed-space", "How much a mapping takes again after BC_FREE_BUFFER.")
def measure_freed_space(device: Device) -> FreedSpace:
    """Call with a quarter of the mapping until that is refused; again with one given back, and with all."""
    shown: list[int] = []

    def look(deliveries: Deliveries) -> None:
        if device.facts.binder_debug:
            shown.append(len(device.binder.process(deliveries.receiver.pid).buffers))

    with open_deliveries(device, size=MAPPING_SIZE) as deliveries:
        held = _fill(deliveries)
        at_first = len(held)
        look(deliveries)
        held.pop().free()
        look(deliveries)
        more = _fill(deliveries)
        look(deliveries)
        for buffer in (*held, *more):
            buffer.free()
        look(deliveries)
        after_all = len(_fill(deliveries))
        look(deliveries)
    return FreedSpace(MAPPING_SIZE, PART_SIZE, at_first, len(more), after_all, tuple(shown) or None)


def _fill(deliveries: Deliveries) -> list[ReceivedBuffer]:
    """Deliver payloads until one is refused for lack of room, or there are more than can be."""
    delivered: list[ReceivedBuffer] = []
    try:
        while len(delivered) <= PARTS:
            delivered.append(deliveries.send(PART_SIZE))
    except TransactionFailedError as error:
        if error.errno not in (errno.ENOSPC, None):  # None: before Linux 5.19, the driver gives no reason
            raise
    return delivered
