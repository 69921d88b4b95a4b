"""AOSP's status codes and exception codes, which a reply contains if there is no result."""

from __future__ import annotations

import errno
from enum import IntEnum

_INT32_MIN = -(2**31)


class StatusCode(IntEnum):
    """status_t, the content of a TF_STATUS_CODE reply (system/core/libutils/include/utils/Errors.h)."""

    OK = 0
    UNKNOWN_ERROR = _INT32_MIN
    BAD_TYPE = _INT32_MIN + 1
    FAILED_TRANSACTION = _INT32_MIN + 2
    FDS_NOT_ALLOWED = _INT32_MIN + 7
    UNEXPECTED_NULL = _INT32_MIN + 8
    NO_MEMORY = -errno.ENOMEM
    INVALID_OPERATION = -errno.ENOSYS
    BAD_VALUE = -errno.EINVAL
    NAME_NOT_FOUND = -errno.ENOENT
    PERMISSION_DENIED = -errno.EPERM
    NO_INIT = -errno.ENODEV
    ALREADY_EXISTS = -errno.EEXIST
    DEAD_OBJECT = -errno.EPIPE
    BAD_INDEX = -errno.EOVERFLOW
    NOT_ENOUGH_DATA = -errno.ENODATA
    WOULD_BLOCK = -errno.EWOULDBLOCK
    TIMED_OUT = -errno.ETIMEDOUT
    UNKNOWN_TRANSACTION = -errno.EBADMSG


class ExceptionCode(IntEnum):
    """The start of an AIDL reply (frameworks/native/libs/binder/include/binder/Status.h).

    The two headers are Java's (android/os/Parcel.java); one may precede the actual code.
    """

    EX_NONE = 0
    EX_SECURITY = -1
    EX_BAD_PARCELABLE = -2
    EX_ILLEGAL_ARGUMENT = -3
    EX_NULL_POINTER = -4
    EX_ILLEGAL_STATE = -5
    EX_NETWORK_MAIN_THREAD = -6
    EX_UNSUPPORTED_OPERATION = -7
    EX_SERVICE_SPECIFIC = -8
    EX_PARCELABLE = -9
    EX_HAS_NOTED_APPOPS_REPLY_HEADER = -127
    EX_HAS_STRICTMODE_REPLY_HEADER = -128
    EX_TRANSACTION_FAILED = -129


def status_name(status: int) -> str:
    """AOSP's name for a status, else the errno's, else the number."""
    if status in StatusCode._value2member_map_:
        return StatusCode(status).name
    return errno.errorcode.get(-status, str(status))


def signed(printed: int) -> int:
    """A status from its digits, which hexadecimal and unsigned formats print of 32 or 64 bits."""
    bits = 32 if printed < 1 << 32 else 64
    return printed - (1 << bits) if printed >= 1 << (bits - 1) else printed


def exception_name(code: int) -> str:
    """AOSP's name for an exception code, else the number."""
    return ExceptionCode(code).name if code in ExceptionCode._value2member_map_ else str(code)
