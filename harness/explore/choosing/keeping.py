"""Rules about what a process keeps of others: references, deaths, freezing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from harness.binder.abi import commands as bc
from harness.binder.abi.uapi import BinderIoctl
from harness.explore.choosing.picking import (
    COOKIES,
    Pick,
    any_frozen,
    any_handle,
    any_mourner,
    any_node,
    any_process,
    any_thread,
    any_watcher,
    chance,
    exchange_of,
)
from harness.model.records import Death, Freeze, Process
from harness.model.steps import (
    Command,
    Control,
    Step,
)
from harness.model.world import World


def refcounts(pick: Pick, world: World) -> Step | None:
    """References taken and dropped by handle, and what owners acknowledge."""

    def make(process: Process) -> Command:
        handle = any_handle(pick, process)
        by_handle: list[Command] = [kind(handle) for kind in (bc.Acquire, bc.Release, bc.Increfs, bc.Decrefs)]
        asked = [
            bc.IncrefsDone(each.ptr, each.cookie) for each in process.nodes.values() if each.pending_weak
        ]
        asked_strong = [
            bc.AcquireDone(each.ptr, each.cookie) for each in process.nodes.values() if each.pending_strong
        ]
        node = any_node(pick, process)
        return pick.one([*by_handle, *asked, *asked_strong, bc.IncrefsDone(*node), bc.AcquireDone(*node)])

    return exchange_of(pick, world, make)


def deaths(pick: Pick, world: World) -> Step | None:
    """Death notifications requested, cleared and acknowledged."""

    def make(process: Process) -> Command:
        asked = [(number, each.death.cookie) for number, each in process.references.items() if each.death]
        delivered = [each.cookie for each in process.delivered_deaths.entries if isinstance(each, Death)]
        kinds = (bc.RequestDeathNotification, bc.ClearDeathNotification, bc.DeadBinderDone)
        return _about_notifications(pick, process, asked, delivered, kinds)

    return exchange_of(pick, world, make, any_mourner)


def freezing(pick: Pick, world: World) -> Step | None:
    """Processes frozen and thawed, what they received meanwhile, and who is notified."""
    if world.context.features.notifies_of_freezing and chance(pick, 1, 2):
        return exchange_of(pick, world, partial(_freeze_command, pick), any_watcher)
    process = any_process(pick, world)
    if process is None:
        return None
    other = any_frozen(pick, world)
    thread = any_thread(pick)
    if pick.one((True, False)):
        is_frozen = other in world.processes and world.processes[other].frozen
        change = pick.one((*[int(not is_frozen)] * 3, int(is_frozen)))
        return Control(process.number, thread, BinderIoctl.BINDER_FREEZE, (other, change))
    return Control(process.number, thread, BinderIoctl.BINDER_GET_FROZEN_INFO, (other,))


def _freeze_command(pick: Pick, process: Process) -> Command:
    asked = [(number, each.freeze.cookie) for number, each in process.references.items() if each.freeze]
    delivered = [each.cookie for each in process.delivered_freezes.entries if isinstance(each, Freeze)]
    kinds = (bc.RequestFreezeNotification, bc.ClearFreezeNotification, bc.FreezeNotificationDone)
    return _about_notifications(pick, process, asked, delivered, kinds)


def _about_notifications(
    pick: Pick,
    process: Process,
    asked: Sequence[tuple[int, int]],
    delivered: Sequence[int],
    kinds: tuple[Callable[[int, int], Command], Callable[[int, int], Command], Callable[[int], Command]],
) -> Command:
    """One that requests, clears or acknowledges; `asked` are the handles and cookies of earlier requests."""
    request, clear, done = kinds
    if not process.references and chance(pick, 7, 8):
        return bc.Acquire(0)
    if delivered and chance(pick, 1, 2):
        return done(pick.one(delivered))
    if asked and chance(pick, 1, 4):
        return clear(*pick.one(asked))
    dead = [each.handle for each in process.references.values() if each.node.process is None]
    handle = pick.one([*sorted(process.references), *dead] * 4 + [7])
    cookie = pick.one(COOKIES)
    return pick.one((request(handle, cookie), request(handle, cookie), clear(handle, cookie), done(cookie)))
