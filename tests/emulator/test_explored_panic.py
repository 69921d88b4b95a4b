"""A device that panics while it is explored: the shortest program is found on fresh ones."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError
from harness.agent.syscalls import AT_FDCWD
from harness.binder.abi.commands import Acquire, Release
from harness.device.device import Device, open_device
from harness.explore.comparison import Comparison, Taker
from harness.explore.losses import stops_device
from harness.explore.shrinking import shortest
from harness.explore.taking.actors import Actors, free_node
from harness.model.steps import Exchange, Open, Outcome, Step
from harness.model.views import View


class Panicking(Actors):
    """The device's kernel is made to panic where a driver with a fault would."""

    def __init__(self, device: Device) -> None:
        super().__init__(device, free_node(device))
        self._sysrq = device.process()

    def _take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        if isinstance(step, Exchange) and Acquire(7) in step.commands:
            trigger = self._sysrq.syscall("openat", AT_FDCWD, b"/proc/sysrq-trigger", os.O_WRONLY, 0)
            self._sysrq.syscall("write", trigger, b"c", 1)
        return super()._take(step, expected, allowed)


PROGRAM = (Open(1), Exchange(1, 1), Exchange(1, 1, (Release(7), Acquire(7))))


@contextlib.contextmanager
def fresh() -> Iterator[Sequence[Taker]]:
    with open_device("embedded") as device:
        yield [Panicking(device)]


def test_a_panic_is_a_loss_and_its_program_is_shortened() -> None:
    with fresh() as (taker,):
        comparison = Comparison(taker)
        for step in PROGRAM[:-1]:
            comparison.take(step)
        with pytest.raises(DeviceLostError, match="sysrq triggered crash"):
            comparison.take(PROGRAM[-1])
    found = shortest(PROGRAM, partial(stops_device, fresh), Deadline(60))
    assert found == (Open(1), Exchange(1, 1, (Acquire(7),)))
