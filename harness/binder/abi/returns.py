"""What the driver returns to a process: a class for each BR_ code, parsed from a read buffer."""

from __future__ import annotations

from harness.binder.abi import tagged
from harness.binder.abi.layout import Address, s32, structure
from harness.binder.abi.structures import (
    BinderFrozenStateInfo,
    BinderPriPtrCookie,
    BinderPtrCookie,
    BinderTransactionData,
    TransactionFlag,
)
from harness.binder.abi.tagged import Tagged
from harness.binder.abi.uapi import BinderReturn


class Return(Tagged):
    """A BR_ code; its fields are the code's parameter."""

    __slots__ = ()


@structure
class Error(Return):
    """The driver could not carry out a command; `error` is a negative errno."""

    TAG = BinderReturn.BR_ERROR
    error: s32


@structure
class Ok(Return):
    """No news."""

    TAG = BinderReturn.BR_OK


@structure
class Transaction(Return, BinderTransactionData):
    """A call for a local node (`target` is its ptr); `buffer` and `offsets` lie in the receiver's mapping."""

    TAG = BinderReturn.BR_TRANSACTION

    @property
    def one_way(self) -> bool:
        """Whether the sender expects no reply."""
        return TransactionFlag.TF_ONE_WAY in self.flags


@structure
class TransactionSecurityContext(Transaction):
    """A Transaction for a node that requested security contexts; `secctx` is a string in the mapping."""

    TAG = BinderReturn.BR_TRANSACTION_SEC_CTX
    secctx: Address = 0


@structure
class Reply(Return, BinderTransactionData):
    """The reply to this thread's call; with TF_STATUS_CODE its data is one status word."""

    TAG = BinderReturn.BR_REPLY


@structure
class AcquireResult(Return):
    """Not sent by any driver."""

    TAG = BinderReturn.BR_ACQUIRE_RESULT
    result: s32


@structure
class DeadReply(Return):
    """The target of the last transaction is dead."""

    TAG = BinderReturn.BR_DEAD_REPLY


@structure
class TransactionComplete(Return):
    """The last transaction or reply was accepted."""

    TAG = BinderReturn.BR_TRANSACTION_COMPLETE


@structure
class Increfs(Return, BinderPtrCookie):
    """A first weak reference to a local node exists: keep the node, and write BC_INCREFS_DONE."""

    TAG = BinderReturn.BR_INCREFS


@structure
class Acquire(Return, BinderPtrCookie):
    """A first strong reference to a local node exists: keep the node, and write BC_ACQUIRE_DONE."""

    TAG = BinderReturn.BR_ACQUIRE


@structure
class Release(Return, BinderPtrCookie):
    """The last strong reference is gone."""

    TAG = BinderReturn.BR_RELEASE


@structure
class Decrefs(Return, BinderPtrCookie):
    """The last weak reference is gone."""

    TAG = BinderReturn.BR_DECREFS


@structure
class AttemptAcquire(Return, BinderPriPtrCookie):
    """Not sent by any driver."""

    TAG = BinderReturn.BR_ATTEMPT_ACQUIRE


@structure
class Noop(Return):
    """Starts every read: the driver overwrites it with BR_SPAWN_LOOPER if needed."""

    TAG = BinderReturn.BR_NOOP


@structure
class SpawnLooper(Return):
    """No thread of the pool is waiting: start one, which writes BC_REGISTER_LOOPER."""

    TAG = BinderReturn.BR_SPAWN_LOOPER


@structure
class Finished(Return):
    """Not sent by any driver."""

    TAG = BinderReturn.BR_FINISHED


@structure
class DeadBinder(Return):
    """An object with a death notification died: acknowledge with BC_DEAD_BINDER_DONE."""

    TAG = BinderReturn.BR_DEAD_BINDER
    cookie: Address


@structure
class ClearDeathNotificationDone(Return):
    """A request for a death notification is cancelled."""

    TAG = BinderReturn.BR_CLEAR_DEATH_NOTIFICATION_DONE
    cookie: Address


@structure
class FailedReply(Return):
    """The last transaction failed; BINDER_GET_EXTENDED_ERROR returns the reason."""

    TAG = BinderReturn.BR_FAILED_REPLY


@structure
class FrozenReply(Return):
    """The target of the last call is frozen."""

    TAG = BinderReturn.BR_FROZEN_REPLY


@structure
class OnewaySpamSuspect(Return):
    """Replaces TransactionComplete: accepted, but this process fills its target's one-way space."""

    TAG = BinderReturn.BR_ONEWAY_SPAM_SUSPECT


@structure
class TransactionPendingFrozen(Return):
    """Replaces TransactionComplete: accepted, and kept until the frozen target is thawed."""

    TAG = BinderReturn.BR_TRANSACTION_PENDING_FROZEN


@structure
class FrozenBinder(Return, BinderFrozenStateInfo):
    """The owner of an object was frozen or thawed: acknowledge with BC_FREEZE_NOTIFICATION_DONE."""

    TAG = BinderReturn.BR_FROZEN_BINDER


@structure
class ClearFreezeNotificationDone(Return):
    """A request for freeze notifications is cancelled."""

    TAG = BinderReturn.BR_CLEAR_FREEZE_NOTIFICATION_DONE
    cookie: Address


RETURNS: dict[int, type[Return]] = tagged.by_tag(
    (
        Error,
        Ok,
        Transaction,
        TransactionSecurityContext,
        Reply,
        AcquireResult,
        DeadReply,
        TransactionComplete,
        Increfs,
        Acquire,
        Release,
        Decrefs,
        AttemptAcquire,
        Noop,
        SpawnLooper,
        Finished,
        DeadBinder,
        ClearDeathNotificationDone,
        FailedReply,
        FrozenReply,
        OnewaySpamSuspect,
        TransactionPendingFrozen,
        FrozenBinder,
        ClearFreezeNotificationDone,
    )
)


def parse(buffer: bytes) -> list[Return]:
    """The returns in a read buffer; MalformedCommandsError with offset and bytes if it is not one."""
    return tagged.parse(buffer, RETURNS)
