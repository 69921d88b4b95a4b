"""What a random program does next: each rule picks a step from the model's state."""

from __future__ import annotations

from collections.abc import Callable

from harness.binder.abi import commands as bc
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderCommand, BinderIoctl
from harness.explore.picking import (
    CODES,
    COOKIES,
    PROCESSES,
    PTRS,
    READ_SIZES,
    THREADS,
    Pick,
    any_caller,
    any_handle,
    any_holder,
    any_mourner,
    any_node,
    any_payload,
    any_process,
    any_target,
    any_thread,
    chance,
    cookie_of,
    exchange_of,
    receiver_of,
)
from harness.model.records import Death, Process
from harness.model.steps import (
    MAPPED,
    READ_SIZE,
    Close,
    Command,
    Control,
    Exchange,
    Free,
    Open,
    Reply,
    Step,
    Transact,
    Unsupported,
)
from harness.model.world import World

Rule = Callable[[Pick, World], Step | None]
"""The next step; None where the state has nothing for it."""


def calls(pick: Pick, world: World) -> Step | None:
    """Calls, and replies of the threads that owe one, or calls of theirs."""
    owing = [
        thread
        for process in world.processes.values()
        for _, thread in sorted(process.threads.items())
        if thread.stack is not None and thread.stack.handler is thread
    ]
    if owing and chance(pick, 3, 4):
        thread = pick.one(owing)
        process, number = thread.process, thread.number
        if chance(pick, 2, 3):
            caller = thread.stack.caller if thread.stack is not None else None
            payload = any_payload(pick, process, None if caller is None else caller.process)
            answer = Reply(pick.one(CODES), 0, payload)
            return Exchange(process.number, number, (answer,), pick.one(READ_SIZES))
    else:
        any_one = any_caller(pick, world)
        if any_one is None:
            return None
        process, number = any_one, any_thread(pick)
    handle = any_target(pick, world, process)
    payload = any_payload(pick, process, receiver_of(world, process, handle))
    flags = pick.one((int(TransactionFlag.TF_ACCEPT_FDS), 0))
    call = Transact(handle, pick.one(CODES), flags, payload)
    return Exchange(process.number, number, (call,), pick.one(READ_SIZES))


def mistakes(pick: Pick, world: World) -> Step | None:
    """Replies that nobody waits for, codes that no driver knows, and commands behind an error."""

    def make(_: Process) -> Command:
        wrong: list[Command] = [
            Reply(1),
            Unsupported(int(BinderCommand.BC_ATTEMPT_ACQUIRE)),
            Unsupported(int(BinderCommand.BC_ACQUIRE_RESULT)),
            Unsupported(0x1234),
            bc.Acquire(7),
            Free(4),
        ]
        return pick.one(wrong)

    return exchange_of(pick, world, make)


def oneway(pick: Pick, world: World) -> Step | None:
    """One-way calls."""

    def make(process: Process) -> Command:
        handle = any_target(pick, world, process)
        payload = any_payload(pick, process, receiver_of(world, process, handle), one_way=True)
        return Transact(handle, pick.one(CODES), int(TransactionFlag.TF_ONE_WAY), payload)

    return exchange_of(pick, world, make, any_caller)


def buffers(pick: Pick, world: World) -> Step | None:
    """Buffers freed: delivered ones, others, and addresses of none."""

    def make(process: Process) -> Command:
        delivered = [each.offset for each in process.mapping.used if each.may_be_freed]
        other = [each.offset for each in process.mapping.buffers if not each.may_be_freed]
        return Free(pick.one(delivered if delivered and chance(pick, 3, 4) else [*other, 4]))

    return exchange_of(pick, world, make, any_holder)


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
        cookie = pick.one(COOKIES)
        handle = pick.one([*sorted(process.references)] * 4 + [7])
        asked = [(number, each.death.cookie) for number, each in process.references.items() if each.death]
        delivered = [each.cookie for each in process.delivered_deaths.entries if isinstance(each, Death)]
        if not process.references and chance(pick, 7, 8):
            return bc.Acquire(0)
        if delivered and chance(pick, 2, 3):
            return bc.DeadBinderDone(pick.one(delivered))
        if asked and chance(pick, 1, 4):
            return bc.ClearDeathNotification(*pick.one(asked))
        return pick.one(
            (
                bc.RequestDeathNotification(handle, cookie),
                bc.RequestDeathNotification(handle, cookie),
                bc.ClearDeathNotification(handle, cookie),
                bc.DeadBinderDone(cookie),
            )
        )

    return exchange_of(pick, world, make, any_mourner)


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
    return Exchange(process, thread, (), pick.one((*[READ_SIZE] * 6, 4, 100)))


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
    return Control(process.number, thread, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, (ptr, cookie, 0x100))


def exits(pick: Pick, world: World) -> Step | None:
    """Threads and processes that end in the middle of what they do."""
    process = any_process(pick, world)
    if process is None:
        return None
    if chance(pick, 1, 2):
        return Close(process.number)
    return Control(process.number, any_thread(pick), BinderIoctl.BINDER_THREAD_EXIT)


def controls(pick: Pick, world: World) -> Step | None:
    """The ioctls that ask."""
    process = any_process(pick, world)
    if process is None:
        return None
    ioctl = pick.one(
        (
            BinderIoctl.BINDER_GET_EXTENDED_ERROR,
            BinderIoctl.BINDER_VERSION,
            BinderIoctl.BINDER_GET_NODE_DEBUG_INFO,
            BinderIoctl.BINDER_GET_NODE_INFO_FOR_REF,
            BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION,
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
        arguments = (pick.one((1, 0)),)
    return Control(process.number, any_thread(pick), ioctl, arguments)


def freezing(pick: Pick, world: World) -> Step | None:
    """Processes frozen and thawed, and what they received meanwhile."""
    process = any_process(pick, world)
    if process is None:
        return None
    other = pick.one(PROCESSES)
    thread = any_thread(pick)
    if pick.one((True, False)):
        return Control(process.number, thread, BinderIoctl.BINDER_FREEZE, (other, pick.one((1, 0))))
    return Control(process.number, thread, BinderIoctl.BINDER_GET_FROZEN_INFO, (other,))


RULES: dict[str, Rule] = {
    each.__name__: each
    for each in (
        calls,
        reads,
        buffers,
        refcounts,
        oneway,
        deaths,
        loopers,
        opening,
        exits,
        controls,
        freezing,
        mistakes,
    )
}
WEIGHTS = {"calls": 4, "reads": 4, "oneway": 2, "buffers": 3, "refcounts": 2, "deaths": 2, "opening": 3}
"""How often a rule is taken, where not once."""
ALWAYS = ("opening", "reads")
"""Rules without which the others do nothing."""
START: tuple[Step, ...] = (
    Open(1, 8192),
    Open(2),
    Open(3),
    Control(1, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, (0x10, cookie_of(1, 0x10), 0x100)),
)
"""What every program begins with: three processes, and a context manager."""
