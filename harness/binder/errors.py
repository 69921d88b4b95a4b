"""The ways a Binder call fails: what the driver or the other side returned, and what to do."""

from __future__ import annotations

import errno
import os

from emulator.base.errors import HarnessError
from harness.binder.abi.uapi import BinderReturn
from harness.binder.parcels.status import ExceptionCode, StatusCode, exception_name, status_name
from harness.binder.refusals.driver import DEAD, FROZEN, errno_name, refusal
from harness.binder.refusals.replies import OTHER_STATUS, status_meaning

NOBODY_AT_HANDLE_0 = (
    "handle 0 is the device's context manager: nobody is it, or its process has died. A server becomes it by "
    "become_context_manager()."
)


class MalformedCommandsError(HarnessError):
    """A buffer contains an unknown command code, or ends inside a command."""


class ParcelError(HarnessError):
    """A parcel does not contain the requested value; the message has the position and the expectation."""


class BinderError(HarnessError):
    """The driver did not complete a transaction.

    `command` is the BR_ code that it returned; `errno` (positive) is that of BINDER_GET_EXTENDED_ERROR, None
    on a driver without that ioctl (before Linux 5.19).
    """

    def __init__(self, command: BinderReturn, error_number: int | None, explanation: str) -> None:
        self.command = command
        self.errno = error_number
        reason = "" if error_number is None else f" ({errno_name(error_number)})"
        super().__init__(f"{command.name}{reason}: {explanation}")


class TransactionFailedError(BinderError):
    """BR_FAILED_REPLY: the driver refused the transaction, or the receiver's reply to it."""


class TransactionTooLargeError(TransactionFailedError):
    """BR_FAILED_REPLY with ENOSPC: the receiver's mapping has no space for the transaction or for its reply.

    Sizes are in bytes: `size` of the data sent; `mapping` and `room` of the receiver if it is known.
    """

    def __init__(self, size: int, *, mapping: int | None = None, room: int | None = None) -> None:
        self.size = size
        self.mapping = mapping
        self.room = room
        target = ""
        if mapping is not None:
            target = f" The target maps {mapping} bytes"
            target += "." if room is None else f", {room} of them free by our count."
        super().__init__(
            BinderReturn.BR_FAILED_REPLY,
            errno.ENOSPC,
            f"{size} bytes were sent; the receiver's mapping has no space for them, or for the reply."
            f"{target} All unfreed transactions share the mapping, one-way ones only half of it. Free "
            "received buffers, send less at a time, or send a descriptor of shared memory.",
        )


class UnknownHandleError(TransactionFailedError):
    """BR_FAILED_REPLY with EINVAL, or with ENOENT by the driver in Rust: the caller has no such handle.

    `handles` are those that the driver's debug files show of it.
    """

    def __init__(self, error_number: int | None, file: str, handle: int, handles: frozenset[int]) -> None:
        self.handle = handle
        self.handles = handles
        has = ", ".join(map(str, sorted(handles))) or "none but 0, the context manager's"
        super().__init__(
            BinderReturn.BR_FAILED_REPLY,
            error_number,
            f"{file} has no handle {handle}; it has {has}. A handle comes in a parcel, such as the reply of "
            "a service manager, and goes when the last reference to it is released.",
        )


class DeadObjectError(BinderError):
    """BR_DEAD_REPLY: the process behind the handle has died or closed its binder file.

    Of handle 0 that is the context manager, if any (drivers/android/binder.c, binder_transaction).
    """

    def __init__(self, error_number: int | None, handle: int | None = None) -> None:
        super().__init__(
            BinderReturn.BR_DEAD_REPLY,
            error_number,
            NOBODY_AT_HANDLE_0 if handle == 0 else DEAD.meaning,
        )


class FrozenError(BinderError):
    """BR_FROZEN_REPLY: the process behind the handle is frozen and receives no calls."""

    def __init__(self, error_number: int | None) -> None:
        super().__init__(
            BinderReturn.BR_FROZEN_REPLY,
            error_number,
            FROZEN.meaning,
        )


def transaction_error(
    command: BinderReturn,
    error_number: int | None,
    size: int,
    *,
    mapping: int | None,
    room: int | None,
    handle: int | None = None,
) -> BinderError:
    """The exception for a BR_ code that ended a transaction of `size` bytes to `handle`."""
    if command == BinderReturn.BR_DEAD_REPLY:
        return DeadObjectError(error_number, handle)
    if command == BinderReturn.BR_FROZEN_REPLY:
        return FrozenError(error_number)
    if error_number == errno.ENOSPC:
        return TransactionTooLargeError(size, mapping=mapping, room=room)
    if error_number is None:
        explanation = (
            f"the driver refused {size} bytes and reports no reason: too large, malformed, or not permitted. "
            "See failed_transaction_log in the binder debug files."
        )
    else:
        entry = refusal(command, error_number)
        explanation = entry.meaning if entry else f"{os.strerror(error_number)}."
    return TransactionFailedError(command, error_number, explanation)


class StatusError(HarnessError):
    """The other side replied with a status (TF_STATUS_CODE).

    Raised in a handler, it becomes that reply.
    """

    def __init__(self, status: int = StatusCode.UNKNOWN_ERROR) -> None:
        self.status = status
        super().__init__(
            f"the called object replied with status {status_name(status)} ({status}): "
            f"{(status_meaning(status) or OTHER_STATUS).meaning}"
        )


class RemoteError(HarnessError):
    """The called method threw: the exception that android.os.Parcel and binder::Status write into a reply.

    Raised in a handler, it becomes that reply. `service_specific` is the number of an EX_SERVICE_SPECIFIC.
    """

    def __init__(self, code: int, text: str | None = None, *, service_specific: int = 0) -> None:
        self.code = code
        self.text = text
        self.service_specific = service_specific
        number = f" {service_specific}" if code == ExceptionCode.EX_SERVICE_SPECIFIC else ""
        super().__init__(f"the called method threw {exception_name(code)}{number}: {text or 'no message'}")


class HandlerError(HarnessError):
    """A handler raised an exception, which is the cause. The caller received status UNKNOWN_ERROR."""


class DriverRefusedError(OSError):
    """BINDER_WRITE_READ failed; `write_consumed` is the number of bytes carried out before."""

    def __init__(self, error_number: int, write_consumed: int, write_size: int) -> None:
        self.write_consumed = write_consumed
        super().__init__(
            error_number,
            f"BINDER_WRITE_READ: {os.strerror(error_number)}, "
            f"after {write_consumed} of {write_size} written bytes",
        )
