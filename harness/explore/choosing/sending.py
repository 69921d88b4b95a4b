"""Rules that send: calls, replies and one-way calls, what is wrong with them, and buffers freed."""

from __future__ import annotations

from harness.binder.abi import commands as bc
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderCommand
from harness.explore.choosing.picking import (
    CODES,
    READ_SIZES,
    Pick,
    any_caller,
    any_holder,
    any_payload,
    any_target,
    any_thread,
    chance,
    exchange_of,
    receiver_of,
)
from harness.model.records import Process
from harness.model.steps import (
    Command,
    Exchange,
    Free,
    Reply,
    Step,
    Transact,
    Unsupported,
)
from harness.model.world import World


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


def oneway(pick: Pick, world: World) -> Step | None:
    """One-way calls."""

    def make(process: Process) -> Command:
        handle = any_target(pick, world, process)
        receiver = receiver_of(world, process, handle)
        payload = any_payload(pick, process, receiver, one_way=True)
        updates = chance(pick, 3, 4) if receiver is not None and receiver.frozen else chance(pick, 1, 8)
        flags = TransactionFlag.TF_ONE_WAY | (TransactionFlag.TF_UPDATE_TXN if updates else 0)
        return Transact(handle, pick.one(CODES), int(flags), payload)

    return exchange_of(pick, world, make, any_caller)


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


def buffers(pick: Pick, world: World) -> Step | None:
    """Buffers freed: delivered ones, others, and addresses of none."""

    def make(process: Process) -> Command:
        delivered = [each.offset for each in process.mapping.used if each.may_be_freed]
        other = [each.offset for each in process.mapping.buffers if not each.may_be_freed]
        return Free(pick.one(delivered if delivered and chance(pick, 3, 4) else [*other, 4]))

    return exchange_of(pick, world, make, any_holder)
