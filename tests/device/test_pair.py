"""That experiments can follow one another at once, though the driver takes its time with what they leave."""

from __future__ import annotations

import pytest

from harness.binder import open_pair
from harness.device.device import Device

pytestmark = pytest.mark.requires("free_binder")


def test_a_device_can_be_taken_over_as_soon_as_it_was_left(device: Device) -> None:
    path = device.facts.free_binder_device
    assert path is not None
    for code in range(5):
        with open_pair(device, path) as pair:
            pair.client.transact(0, code)
