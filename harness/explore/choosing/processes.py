"""Rules about processes and their threads: opened, in the pool, reading, asking, ending."""

from __future__ import annotations

from dataclasses import replace

from harness.binder.abi import commands as bc
from harness.binder.abi.uapi import BinderIoctl
from harness.explore.choosing.picking import (
    NODE_FLAGS,
    PROCESSES,
    PTRS,
    THREADS,
    Pick,
    any_handle,
    any_node,
    any_process,
    any_thread,
    chance,
    exchange_of,
)
from harness.model.records import IN_POOL, Process, Transaction
from harness.model.steps import (
    MAPPED,
    READ_SIZE,
    Close,
    Command,
    Control,
    Exchange,
    Open,
    Statistics,
    Step,
    descriptors_in,
)
from harness.model.world import World


def loopers(pick: Pick, world: World) -> Step | None:
    """Threads that join the pool and leave it, and the size of the pool."""
    if pick.one((True, False)):
        process = any_process(pick, world)
        if process is None:
            return None
        thread = any_thread(pick)
        size = pick.one((0, 1, 2))
        return Control(process.number, thread, BinderIoctl.BINDER_SET_MAX_THREADS, (size,))

    def make(_: Process) -> Command:
        return pick.one((bc.EnterLooper(), bc.RegisterLooper(), bc.ExitLooper()))

    return exchange_of(pick, world, make)


def in_the_pool(step: Exchange, world: World) -> Exchange:
    """The step if its thread is in the pool of its process; else that it joins the pool."""
    thread = world.processes[step.process].threads.get(step.thread)
    if thread is not None and thread.looper & IN_POOL:
        return step
    return replace(step, commands=(bc.EnterLooper(),), read=READ_SIZE)


def reads(pick: Pick, world: World) -> Step | None:
    """Reads by threads that have something to read, or by any."""
    ready = [
        (each.number, number)
        for each in world.processes.values()
        for number in THREADS
        if each.todo or (number in each.threads and each.threads[number].todo)
    ]
    everybody = [(number, thread) for number in sorted(world.processes) for thread in THREADS]
    if not everybody:
        return None
    process, thread = pick.one(ready if ready and chance(pick, 3, 4) else everybody)
    size = pick.one((*[READ_SIZE] * 6, 4, 100))
    queue = world.processes[process].todo
    if thread in world.processes[process].threads:
        queue = world.processes[process].threads[thread].todo or queue
    has_descriptors = any(
        each.buffer is not None and descriptors_in(each.buffer.objects)
        for each in queue.entries
        if isinstance(each, Transaction)
    )
    return Exchange(process, thread, (), size, chance(pick, 1, 3 if has_descriptors else 30))


def opening(pick: Pick, world: World) -> Step | None:
    """The device opened, and the context manager made."""
    closed = [each for each in PROCESSES if each not in world.processes]
    managed = world.context.manager is not None
    if closed and (managed or not world.processes or chance(pick, 1, 2)):
        return Open(pick.one(closed), pick.one((MAPPED, 8192, MAPPED, 8192, MAPPED, 8192, 4096, 0)))
    process = any_process(pick, world)
    if process is None or (managed and chance(pick, 3, 4)):
        return None
    thread = any_thread(pick)
    if pick.one((True, False)):
        return Control(process.number, thread, BinderIoctl.BINDER_SET_CONTEXT_MGR)
    ptr, cookie = any_node(pick, process)
    arguments = (ptr, cookie, pick.one(NODE_FLAGS))
    return Control(process.number, thread, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, arguments)


def exits(pick: Pick, world: World) -> Step | None:
    """Threads and processes that end in the middle of what they do."""
    process = any_process(pick, world)
    if process is None:
        return None
    if chance(pick, 1, 2):
        return Close(process.number)
    return Control(process.number, any_thread(pick), BinderIoctl.BINDER_THREAD_EXIT)


def controls(pick: Pick, world: World) -> Step | None:
    """The ioctls that ask, and the driver's file of counters."""
    process = any_process(pick, world)
    if process is None:
        return None
    if chance(pick, 1, 3):
        return Statistics(process.number)
    ioctl = pick.one(
        (
            BinderIoctl.BINDER_GET_EXTENDED_ERROR,
            BinderIoctl.BINDER_VERSION,
            BinderIoctl.BINDER_GET_NODE_DEBUG_INFO,
            BinderIoctl.BINDER_GET_NODE_INFO_FOR_REF,
            *[BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION] * 4,
            BinderIoctl.BINDER_SET_IDLE_TIMEOUT,
            BinderIoctl.BINDER_SET_IDLE_PRIORITY,
        )
    )
    arguments: tuple[int, ...] = ()
    if ioctl is BinderIoctl.BINDER_GET_NODE_DEBUG_INFO:
        arguments = (pick.one((0, *PTRS)),)
    elif ioctl is BinderIoctl.BINDER_GET_NODE_INFO_FOR_REF:
        arguments = (any_handle(pick, process),)
    elif ioctl is BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION:
        arguments = (pick.one((1, 1, 1, 0)),)
    return Control(process.number, any_thread(pick), ioctl, arguments)
