"""Writes: the commands of one BINDER_WRITE_READ, one after the other. binder_thread_write."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from harness.binder.abi import commands as bc
from harness.binder.abi.uapi import BinderReturn
from harness.model import nodes, references, transactions
from harness.model.notifications import deaths, freezes
from harness.model.records import Looper, Process, Thread
from harness.model.steps import Command, Free, Reply, Transact, Unsupported, size_of


def write(thread: Thread, commands: Sequence[Command]) -> tuple[int, int]:
    """Carry out commands up to the first error: 0 or a negative errno, and the bytes consumed.

    An error that waits to be read stops further commands, and is none of this write's.
    """
    consumed = 0
    for command in commands:
        if thread.return_error.code != BinderReturn.BR_OK:
            break
        error = carry_out(thread, command)
        if error:
            return error, consumed
        consumed += size_of(command)
    return 0, consumed


def carry_out(thread: Thread, command: Command) -> int:
    """One command; most mistakes are only logged, and return 0."""
    process = thread.process
    match command:
        case bc.Increfs(handle) | bc.Acquire(handle):
            return references.command(process, handle, up=True, strong=isinstance(command, bc.Acquire))
        case bc.Decrefs(handle) | bc.Release(handle):
            return references.command(process, handle, up=False, strong=isinstance(command, bc.Release))
        case bc.IncrefsDone(ptr, cookie):
            nodes.acknowledge(process, ptr, cookie, strong=False)
        case bc.AcquireDone(ptr, cookie):
            nodes.acknowledge(process, ptr, cookie, strong=True)
        case Transact(handle, code, flags, payload):
            transactions.transact(thread, handle, code, flags, payload)
        case Reply(code, flags, payload):
            transactions.reply(thread, code, flags, payload)
        case Free(offset):
            transactions.free_buffer(thread, offset)
        case bc.EnterLooper():
            if thread.looper & Looper.REGISTERED:
                thread.looper |= Looper.INVALID
            thread.looper |= Looper.ENTERED
        case bc.RegisterLooper():
            register_looper(thread)
        case bc.ExitLooper():
            thread.looper |= Looper.EXITED
        case bc.RequestDeathNotification(handle, cookie):
            deaths.request(process, handle, cookie)
        case bc.ClearDeathNotification(handle, cookie):
            deaths.clear(thread, handle, cookie)
        case bc.DeadBinderDone(cookie):
            deaths.acknowledge(thread, cookie)
        case bc.RequestFreezeNotification() | bc.ClearFreezeNotification() | bc.FreezeNotificationDone():
            return notify_of_freezing(process, command)
        case Unsupported():
            return -errno.EINVAL
        case _:
            raise NotImplementedError(command)
    return 0


def notify_of_freezing(
    process: Process,
    command: bc.RequestFreezeNotification | bc.ClearFreezeNotification | bc.FreezeNotificationDone,
) -> int:
    """The commands about freeze notifications, whose mistakes end a write, as unknown commands do."""
    if not process.context.features.notifies_of_freezing:
        return -errno.EINVAL
    match command:
        case bc.RequestFreezeNotification(handle, cookie):
            return freezes.request(process, handle, cookie)
        case bc.ClearFreezeNotification(handle, cookie):
            return freezes.clear(process, handle, cookie)
        case bc.FreezeNotificationDone(cookie):
            return freezes.acknowledge(process, cookie)


def register_looper(thread: Thread) -> None:
    """BC_REGISTER_LOOPER, which has to answer a BR_SPAWN_LOOPER."""
    process = thread.process
    if thread.looper & Looper.ENTERED or process.requested_threads == 0:
        thread.looper |= Looper.INVALID
    else:
        process.requested_threads -= 1
        process.started_threads += 1
    thread.looper |= Looper.REGISTERED
