"""References and notifications of one thread."""

from __future__ import annotations

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.binder.abi import commands, returns
from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from tests.support.fake_driver import (
    FakeProcess,
    script_next_thread,
)

SOON = 0.05


def test_references_are_single_commands(process: FakeProcess, binder: Binder) -> None:
    binder.references.increfs(1)
    binder.references.acquire(1)
    binder.notifications.link_to_death(1, 0xC0)
    binder.notifications.unlink_to_death(1, 0xC0)
    binder.references.release(1)
    binder.references.decrefs(1)
    assert process.main.log == [
        [commands.Increfs(1)],
        [commands.Acquire(1)],
        [commands.RequestDeathNotification(1, 0xC0)],
        [commands.ClearDeathNotification(1, 0xC0)],
        [commands.Release(1)],
        [commands.Decrefs(1)],
    ]


def test_a_death_is_notified_of_what_is_held_alone(process: FakeProcess, binder: Binder) -> None:
    """The driver ignores another request: its notification was awaited until the deadline."""
    process.handles = frozenset({1})
    with pytest.raises(UsageError, match=r"No reference to handle 0 .* references\.acquire\(0\) before"):
        binder.notifications.link_to_death(0, 0xC0)
    assert process.main.log == []
    binder.notifications.link_to_death(1, 0xC0)
    assert process.main.log == [[commands.RequestDeathNotification(1, 0xC0)]]


def test_a_death_is_awaited_as_a_looper_and_acknowledged(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append([returns.DeadBinder(0xC0)])
    process.main.script.append([returns.DeadBinder(0xC1)])
    assert binder.notifications.wait_for_death(0xC1) == returns.DeadBinder(0xC1)
    assert binder.notifications.wait_for_death(0xC0) == returns.DeadBinder(0xC0)
    assert process.main.log == [
        [commands.EnterLooper()],
        [commands.DeadBinderDone(0xC0)],
        [commands.DeadBinderDone(0xC1)],
    ]


def test_a_served_file_learns_of_deaths_from_its_server(process: FakeProcess, binder: Binder) -> None:
    script_next_thread(process, [returns.DeadBinder(0xC0)])
    with binder:
        binder.serve(lambda _: None)
        assert binder.notifications.wait_for_death(0xC0) == returns.DeadBinder(0xC0)
        with pytest.raises(TimeLimitError, match="BR_DEAD_BINDER for cookie 0xc1"):
            binder.notifications.wait_for_death(0xC1, Deadline(SOON))
    assert process.main.log == []


def test_nodes_differ_and_none_is_the_context_manager(binder: Binder) -> None:
    nodes = {binder.add_node(lambda _: None) for _ in range(3)}
    assert len({node.ptr for node in nodes} | {0}) == 4
    assert all(isinstance(node, Node) for node in nodes)
