"""The driver does what the model says, as far as a few hundred steps show; `explore` goes on for longer."""

from __future__ import annotations

import pytest

from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.device.device import Device
from harness.explore.choosing.rules import RULES
from harness.explore.comparison import DisagreementError
from harness.explore.names import (
    Acquire,
    Binder,
    Close,
    Control,
    Exchange,
    Free,
    Handle,
    Interrupt,
    Open,
    Payload,
    Reply,
    RequestDeathNotification,
    Statistics,
    Transact,
    replay,
)
from harness.explore.search import Limits, Search
from harness.explore.taking.actors import Actors, free_node
from harness.model import references

pytestmark = [pytest.mark.requires("free_binder"), pytest.mark.requires("binder_debug")]

ONE_WAY = int(TransactionFlag.TF_ONE_WAY)
PROGRAM = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(2, 1, (Transact(0, 1, 0, Payload(100, (Binder(0x10, 0x99),))),), 0),
    Exchange(1, 1),
    Exchange(1, 1, (Acquire(1), Free(0), Reply(payload=Payload(8, (Handle(1),))))),
    Exchange(2, 1, (Acquire(0), RequestDeathNotification(0, 5))),
    Exchange(2, 2, (Transact(0, 2, ONE_WAY), Transact(0, 3, ONE_WAY))),
    Close(1),
    Exchange(2, 1),
)
"""A call with a node, its reply with the node's handle, one-way calls, and the death of their target."""


WAITS = (
    Open(1),
    Open(2),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR),
    Exchange(1, 1),
    Exchange(2, 1),
    Exchange(1, 1, waits=True),
    Exchange(2, 1, (Transact(0),), waits=True),  # wakes 1
    Exchange(1, 1, (Reply(),)),  # wakes 2
    Exchange(1, 1, waits=True),
    Interrupt(1, 1),
    Statistics(1),
    Exchange(1, 1, waits=True),
    Close(1),
)


def test_threads_wait_and_are_woken(device: Device) -> None:
    woken = [[each[:2] for each in outcome.woken] for outcome in replay(device, *WAITS)]
    assert [each for each in woken if each] == [[(1, 1)], [(2, 1)], [(1, 1)], [(1, 1)]]


def test_a_program_is_taken_again(device: Device) -> None:
    replay(device, *PROGRAM)


def test_random_programs_agree(device: Device) -> None:
    search = Search(Actors(device, free_node(device)), limits=Limits(seconds=2))
    search.run(tuple(RULES), seed=20)
    assert search.disagreement is None, str(search.disagreement)
    assert search.steps > 0


def test_a_bent_rule_is_noticed(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "lowest_free_handle", lambda process, _: 2 + len(process.references))
    with pytest.raises(DisagreementError, match="handle 2: expected"):
        replay(device, *PROGRAM)
