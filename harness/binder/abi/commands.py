"""The commands that a process writes to the driver: a class for each BC_ code."""

from __future__ import annotations

from harness.binder.abi import tagged
from harness.binder.abi.layout import Address, structure, u32
from harness.binder.abi.structures import (
    BinderHandleCookie,
    BinderPtrCookie,
    BinderTransactionData,
    BinderTransactionDataSg,
)
from harness.binder.abi.tagged import Tagged
from harness.binder.abi.uapi import BinderCommand


class Command(Tagged):
    """A BC_ command; its fields are the command's parameter."""

    __slots__ = ()


@structure
class Transaction(Command, BinderTransactionData):
    """Calls the object behind the handle `target`; `buffer` and `offsets` are addresses in the sender."""

    TAG = BinderCommand.BC_TRANSACTION


@structure
class TransactionSg(Command, BinderTransactionDataSg):
    """A Transaction whose data holds buffer objects (scatter-gather)."""

    TAG = BinderCommand.BC_TRANSACTION_SG


@structure
class Reply(Command, BinderTransactionData):
    """Answers the call this thread is handling."""

    TAG = BinderCommand.BC_REPLY


@structure
class ReplySg(Command, BinderTransactionDataSg):
    """A Reply whose data holds buffer objects (scatter-gather)."""

    TAG = BinderCommand.BC_REPLY_SG


@structure
class FreeBuffer(Command):
    """Frees a received buffer; `buffer` is its address."""

    TAG = BinderCommand.BC_FREE_BUFFER
    buffer: Address


@structure
class Increfs(Command):
    """Takes a weak reference."""

    TAG = BinderCommand.BC_INCREFS
    handle: u32


@structure
class Acquire(Command):
    """Takes a strong reference."""

    TAG = BinderCommand.BC_ACQUIRE
    handle: u32


@structure
class Release(Command):
    """Drops a strong reference."""

    TAG = BinderCommand.BC_RELEASE
    handle: u32


@structure
class Decrefs(Command):
    """Drops a weak reference."""

    TAG = BinderCommand.BC_DECREFS
    handle: u32


@structure
class IncrefsDone(Command, BinderPtrCookie):
    """Acknowledges BR_INCREFS: the owner keeps its node for weak references."""

    TAG = BinderCommand.BC_INCREFS_DONE


@structure
class AcquireDone(Command, BinderPtrCookie):
    """Acknowledges BR_ACQUIRE: the owner keeps its node for strong references."""

    TAG = BinderCommand.BC_ACQUIRE_DONE


@structure
class RegisterLooper(Command):
    """This thread joins the pool as BR_SPAWN_LOOPER requested."""

    TAG = BinderCommand.BC_REGISTER_LOOPER


@structure
class EnterLooper(Command):
    """This thread joins the pool of its own accord.

    The driver in C gives what waits for a process, calls and notifications, to any thread that reads, and
    logs an error where it is no looper. The one in Rust gives it to loopers alone: others wait for ever
    (should_use_process_work_queue in drivers/android/binder/thread.rs, Linux 6.18).
    """

    TAG = BinderCommand.BC_ENTER_LOOPER


@structure
class ExitLooper(Command):
    """This thread leaves the pool."""

    TAG = BinderCommand.BC_EXIT_LOOPER


@structure
class RequestDeathNotification(Command, BinderHandleCookie):
    """Requests BR_DEAD_BINDER with `cookie` for when the object behind `handle` dies."""

    TAG = BinderCommand.BC_REQUEST_DEATH_NOTIFICATION


@structure
class ClearDeathNotification(Command, BinderHandleCookie):
    """Cancels such a request."""

    TAG = BinderCommand.BC_CLEAR_DEATH_NOTIFICATION


@structure
class DeadBinderDone(Command):
    """Acknowledges BR_DEAD_BINDER."""

    TAG = BinderCommand.BC_DEAD_BINDER_DONE
    cookie: Address


@structure
class RequestFreezeNotification(Command, BinderHandleCookie):
    """Requests BR_FROZEN_BINDER with `cookie` whenever the owner of `handle` is frozen or thawed."""

    TAG = BinderCommand.BC_REQUEST_FREEZE_NOTIFICATION


@structure
class ClearFreezeNotification(Command, BinderHandleCookie):
    """Cancels such a request."""

    TAG = BinderCommand.BC_CLEAR_FREEZE_NOTIFICATION


@structure
class FreezeNotificationDone(Command):
    """Acknowledges BR_FROZEN_BINDER."""

    TAG = BinderCommand.BC_FREEZE_NOTIFICATION_DONE
    cookie: Address


COMMANDS: dict[int, type[Command]] = tagged.by_tag(
    (
        Transaction,
        TransactionSg,
        Reply,
        ReplySg,
        FreeBuffer,
        Increfs,
        Acquire,
        Release,
        Decrefs,
        IncrefsDone,
        AcquireDone,
        RegisterLooper,
        EnterLooper,
        ExitLooper,
        RequestDeathNotification,
        ClearDeathNotification,
        DeadBinderDone,
        RequestFreezeNotification,
        ClearFreezeNotification,
        FreezeNotificationDone,
    )
)
"""Every command a driver accepts; BC_ATTEMPT_ACQUIRE and BC_ACQUIRE_RESULT are refused by all (binder.c)."""


def compose(*commands: Command) -> bytes:
    """A write buffer."""
    return b"".join(command.encode() for command in commands)


def parse(buffer: bytes) -> list[Command]:
    """The commands in a write buffer; MalformedCommandsError if it is not one."""
    return tagged.parse(buffer, COMMANDS)
