"""Generic netlink of this machine's kernel: its own family is always there."""

from __future__ import annotations

import contextlib

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.process import RemoteProcess
from harness.binder.reports.generic_netlink import GENL_ID_CTRL, GenericSocket


def test_a_family_and_its_groups_are_found_by_name(agent: RemoteProcess) -> None:
    with contextlib.closing(GenericSocket.open(agent)) as socket:
        family = socket.family("nlctrl")
        assert family is not None
        assert family.number == GENL_ID_CTRL
        assert "notify" in family.groups
        assert socket.family("binder_harness") is None
        socket.join(family.groups["notify"])


def test_a_wait_ends_at_its_deadline(agent: RemoteProcess) -> None:
    with contextlib.closing(GenericSocket.open(agent)) as socket:
        assert socket.receive(Deadline(1.0), wait=False) == []
        with pytest.raises(TimeLimitError):
            socket.receive(Deadline(0.05))
