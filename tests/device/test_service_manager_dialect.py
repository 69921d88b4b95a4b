"""The error of a client of the service manager where none runs."""

from __future__ import annotations

import pytest

from emulator.base.errors import HarnessError
from harness.binder import Call, open_ends, open_pair
from harness.binder.errors import DeadObjectError, ParcelError, StatusError
from harness.binder.parcels.status import StatusCode
from harness.binder.services.service_manager import ServiceManager
from harness.device.device import Device
from harness.experiments.instruments.node_files import free_node


def test_nobody_at_handle_zero(device: Device) -> None:
    with open_ends(device, free_node(device.facts)) as pair:
        pair.server_process.kill()
        manager = ServiceManager(pair.client)
        with pytest.raises(DeadObjectError):
            manager.check("any")


def test_somebody_who_refuses_every_call(device: Device) -> None:
    def refuse(_: Call) -> None:
        raise StatusError(StatusCode.PERMISSION_DENIED)

    with (
        open_pair(device, free_node(device.facts), refuse) as pair,
        pytest.raises(HarnessError, match="not a service manager"),
    ):
        ServiceManager(pair.client).check("any")


def test_somebody_who_answers_nothing(device: Device) -> None:
    with open_pair(device, free_node(device.facts)) as pair, pytest.raises(ParcelError):
        ServiceManager(pair.client).check("any")
