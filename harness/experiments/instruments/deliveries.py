"""Payloads that the receiver keeps, so that experiments can examine them where the driver put them."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.binder import Pair, RemotePayload, open_pair
from harness.binder.driver.ioctls import CALL_SECONDS
from harness.binder.driver.received import ReceivedBuffer
from harness.binder.serving.call import Call
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

SEED = 1
_SMALLEST_PAYLOAD = 64 * 1024


class Deliveries:
    """A pair whose server keeps the payloads it receives, and the client's memory that they are sent from."""

    def __init__(self, pair: Pair[DeviceProcess], arrivals: queue.SimpleQueue[ReceivedBuffer]) -> None:
        self.pair = pair
        self.sender = pair.client_process
        self.receiver = pair.server_process
        self._arrivals = arrivals
        self._memory = self.sender.memory.scratch(_SMALLEST_PAYLOAD)
        self._filled: tuple[int, int, int] | None = None

    def payload(self, size: int, *, seed: int = SEED) -> RemotePayload:
        """`size` bytes of the sender's memory that contain the pattern of `seed`."""
        address = self._memory.address(size)
        if self._filled is None or self._filled[:2] != (address, seed) or self._filled[2] < size:
            filled = max(size, _SMALLEST_PAYLOAD)
            self.sender.memory.fill(address, filled, seed)
            self._filled = (address, seed, filled)
        return RemotePayload(address, size)

    def send(
        self, size: int, *, seed: int = SEED, one_way: bool = False, deadline: Deadline | None = None
    ) -> ReceivedBuffer:
        """Send `fill_pattern(size, seed)` and wait for the receiver, which keeps it until it is freed.

        While it keeps a one-way payload, the driver delivers no other (binder.c, binder_proc_transaction).
        Raises what Binder.call raises, TimeLimitError at the deadline (10 s unless given).
        """
        deadline = deadline or Deadline(CALL_SECONDS)
        data = self.payload(size, seed=seed)
        if one_way:
            self.pair.client.post(0, 1, data, deadline=deadline)
        else:
            self.pair.client.transact(0, 1, data, deadline=deadline)
        try:
            return self._arrivals.get(timeout=deadline.remaining())
        except queue.Empty:
            raise deadline.missed(f"the delivery of {size} bytes") from None


@contextmanager
def open_deliveries(device: Device, *, size: int | None = None) -> Iterator[Deliveries]:
    """Two processes on the device's free node; the receiver maps `size` bytes, by default libbinder's."""
    arrivals: queue.SimpleQueue[ReceivedBuffer] = queue.SimpleQueue()

    def keep(call: Call) -> None:
        arrivals.put(call.keep())

    with open_pair(device, free_node(device.facts), keep, size=size) as pair:
        yield Deliveries(pair, arrivals)
