from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from emulator.base.controller import Controller
from emulator.base.errors import DeviceLostError, UsageError
from harness.agent.errors import AgentDiedError
from harness.device import known_facts
from harness.device.device import Device
from harness.device.link import raise_if_lost


class EndsInAMoment:
    """A device whose connections have ended, and which itself ends a moment later, as QEMU after SIGTERM."""

    target = "embedded"
    serial = "127.0.0.1:5555"

    def __init__(self, moments: int) -> None:
        self._moments = moments

    @property
    def alive(self) -> bool:
        self._moments -= 1
        return self._moments >= 0

    def loss_reason(self) -> str:
        return "QEMU ended"

    def close(self) -> None:
        pass


def controller(moments: int) -> Controller:
    return cast(Controller, EndsInAMoment(moments))


def test_a_device_whose_connection_ended_before_itself_is_lost() -> None:
    with pytest.raises(DeviceLostError, match="QEMU ended"):
        raise_if_lost(controller(3), cut_off=True)


def test_a_device_that_lives_is_not_waited_for() -> None:
    raise_if_lost(controller(1))


@pytest.mark.parametrize("use", [lambda device: device.shell("ls"), lambda device: device.process()])
def test_a_closed_device_is_named(use: Callable[[Device], object]) -> None:
    """It was a file of the run that is gone, and a descriptor of -1."""
    with Device(controller(3)) as device:
        pass
    with pytest.raises(UsageError, match="embedded is closed: use the device within its `with` block"):
        use(device)


def test_facts_that_end_with_the_connection_are_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(_: object) -> None:
        raise AgentDiedError("the agent's stream ended without an exit status", exit_status=None)

    monkeypatch.setattr(known_facts, "find_facts", broken_off)
    with Device(controller(3)) as device, pytest.raises(DeviceLostError, match="QEMU ended"):
        _ = device.facts
