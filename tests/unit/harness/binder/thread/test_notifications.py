"""What a request for notifications of freezing ends in, on drivers with them and without."""

from __future__ import annotations

import errno
from typing import cast

import pytest

from emulator.base.errors import FacilityMissingError
from harness.binder.abi.commands import Command
from harness.binder.abi.uapi import BinderCommand
from harness.binder.driver.command_queue import CommandQueue
from harness.binder.errors import DriverRefusedError
from harness.binder.thread.notifications import Delivered, Notifications


class FakeQueue:
    """A driver that refuses every command."""

    def __init__(self, number: int, *, knows: bool) -> None:
        self._number = number
        self._knows = knows

    def write(self, *written: Command) -> None:
        raise DriverRefusedError(self._number, 0, sum(len(each.encode()) for each in written))

    def driver_knows(self, command: BinderCommand) -> bool:
        assert command is BinderCommand.BC_REQUEST_FREEZE_NOTIFICATION
        return self._knows


def notifications(queue: FakeQueue) -> Notifications:
    return Notifications(
        cast(CommandQueue, queue),
        Delivered("a file"),
        known_handles=lambda: None,
        is_served=lambda: False,
        serve_once=lambda _: pytest.fail("waits"),
    )


def test_a_driver_without_them_is_named() -> None:
    with pytest.raises(FacilityMissingError, match=r"BC_REQUEST_FREEZE_NOTIFICATION.* from Linux 6\.12 on"):
        notifications(FakeQueue(errno.EINVAL, knows=False)).link_to_freeze(1, 2)


@pytest.mark.parametrize(("number", "knows"), [(errno.EINVAL, True), (errno.EFAULT, False)])
def test_another_refusal_stays_what_it_is(number: int, knows: bool) -> None:
    with pytest.raises(DriverRefusedError) as refused:
        notifications(FakeQueue(number, knows=knows)).link_to_freeze(1, 2)
    assert refused.value.errno == number
