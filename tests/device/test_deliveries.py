"""Payloads that the receiver keeps, on the real driver."""

from __future__ import annotations

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.pattern import digest, fill_pattern
from harness.binder import TransactionTooLargeError
from harness.device.device import Device
from harness.experiments.instruments.deliveries import open_deliveries

SIZE = 64 * 1024

pytestmark = pytest.mark.requires("free_binder")


def test_what_was_sent_stays_until_it_is_freed(device: Device) -> None:
    with open_deliveries(device, size=SIZE) as deliveries:
        first = deliveries.send(1000, seed=1)
        second = deliveries.send(9000, seed=2)
        memory = deliveries.receiver.memory
        assert memory.digest(first.address, 1000) == digest(fill_pattern(1000, 1))
        assert memory.digest(second.address, 9000) == digest(fill_pattern(9000, 2))
        assert first.address + 1000 <= second.address
        first.free()
        second.free()
        deliveries.send(SIZE).free()


def test_a_one_way_payload_arrives_when_the_one_before_is_freed(device: Device) -> None:
    with open_deliveries(device, size=SIZE) as deliveries:
        with deliveries.send(1000, seed=1, one_way=True) as first:
            content = deliveries.receiver.memory.digest(first.address, 1000)
            assert content == digest(fill_pattern(1000, 1))
            with pytest.raises(TimeLimitError, match="2000 bytes"):
                deliveries.send(2000, one_way=True, deadline=Deadline(0.5))
        with deliveries.send(3000, one_way=True) as second:
            assert second.data_size == 2000


def test_what_finds_no_room_is_refused_and_the_next_delivery_is_not_mistaken_for_it(device: Device) -> None:
    with open_deliveries(device, size=SIZE) as deliveries, deliveries.send(SIZE // 2) as kept:
        with pytest.raises(TransactionTooLargeError):
            deliveries.send(SIZE)
        with deliveries.send(100, seed=3) as received:
            assert received.data_size == 100
            content = deliveries.receiver.memory.read(received.address, 100)
            assert content == fill_pattern(100, 3)
        assert not kept.freed
