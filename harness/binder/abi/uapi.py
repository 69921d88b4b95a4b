"""The numbers of the kernel's Binder interface under the kernel's names, for 64-bit little-endian processes.

Source: include/uapi/linux/android/binder.h and binderfs.h (Linux 6.12, with the freeze notifications).
"""

from __future__ import annotations

from enum import IntEnum

from harness.binder.abi.structures import (
    BinderExtendedError,
    BinderFreezeInfo,
    BinderFrozenStateInfo,
    BinderFrozenStatusInfo,
    BinderfsDevice,
    BinderHandleCookie,
    BinderNodeDebugInfo,
    BinderNodeInfoForRef,
    BinderPriDesc,
    BinderPriPtrCookie,
    BinderPtrCookie,
    BinderTransactionData,
    BinderTransactionDataSecctx,
    BinderTransactionDataSg,
    BinderVersion,
    BinderWriteRead,
    FlatBinderObject,
)

BINDER_CURRENT_PROTOCOL_VERSION = 8
"""The result of BINDER_VERSION on a driver with 64-bit pointers; 7 is the 32-bit protocol."""

_IOC_WRITE = 1
_IOC_READ = 2


def _IOC(direction: int, kind: str, number: int, size: int) -> int:  # noqa: N802  # the kernel's name
    return direction << 30 | size << 16 | ord(kind) << 8 | number


def _IO(kind: str, number: int) -> int:  # noqa: N802
    return _IOC(0, kind, number, 0)


def _IOR(kind: str, number: int, size: int) -> int:  # noqa: N802
    return _IOC(_IOC_READ, kind, number, size)


def _IOW(kind: str, number: int, size: int) -> int:  # noqa: N802
    return _IOC(_IOC_WRITE, kind, number, size)


def _IOWR(kind: str, number: int, size: int) -> int:  # noqa: N802
    return _IOC(_IOC_READ | _IOC_WRITE, kind, number, size)


class BinderIoctl(IntEnum):
    """The requests of ioctl(2) on a binder device."""

    BINDER_WRITE_READ = _IOWR("b", 1, BinderWriteRead.sizeof())
    BINDER_SET_IDLE_TIMEOUT = _IOW("b", 3, 8)
    BINDER_SET_MAX_THREADS = _IOW("b", 5, 4)
    BINDER_SET_IDLE_PRIORITY = _IOW("b", 6, 4)
    BINDER_SET_CONTEXT_MGR = _IOW("b", 7, 4)
    BINDER_THREAD_EXIT = _IOW("b", 8, 4)
    BINDER_VERSION = _IOWR("b", 9, BinderVersion.sizeof())
    BINDER_GET_NODE_DEBUG_INFO = _IOWR("b", 11, BinderNodeDebugInfo.sizeof())
    BINDER_GET_NODE_INFO_FOR_REF = _IOWR("b", 12, BinderNodeInfoForRef.sizeof())
    BINDER_SET_CONTEXT_MGR_EXT = _IOW("b", 13, FlatBinderObject.sizeof())
    BINDER_FREEZE = _IOW("b", 14, BinderFreezeInfo.sizeof())
    BINDER_GET_FROZEN_INFO = _IOWR("b", 15, BinderFrozenStatusInfo.sizeof())
    BINDER_ENABLE_ONEWAY_SPAM_DETECTION = _IOW("b", 16, 4)
    BINDER_GET_EXTENDED_ERROR = _IOWR("b", 17, BinderExtendedError.sizeof())


BINDER_CTL_ADD = _IOWR("b", 1, BinderfsDevice.sizeof())
"""Creates a new device; a request to /dev/binderfs/binder-control."""


class BinderReturn(IntEnum):
    """enum binder_driver_return_protocol: what the driver returns to a process."""

    BR_ERROR = _IOR("r", 0, 4)
    BR_OK = _IO("r", 1)
    BR_TRANSACTION_SEC_CTX = _IOR("r", 2, BinderTransactionDataSecctx.sizeof())
    BR_TRANSACTION = _IOR("r", 2, BinderTransactionData.sizeof())
    BR_REPLY = _IOR("r", 3, BinderTransactionData.sizeof())
    BR_ACQUIRE_RESULT = _IOR("r", 4, 4)
    BR_DEAD_REPLY = _IO("r", 5)
    BR_TRANSACTION_COMPLETE = _IO("r", 6)
    BR_INCREFS = _IOR("r", 7, BinderPtrCookie.sizeof())
    BR_ACQUIRE = _IOR("r", 8, BinderPtrCookie.sizeof())
    BR_RELEASE = _IOR("r", 9, BinderPtrCookie.sizeof())
    BR_DECREFS = _IOR("r", 10, BinderPtrCookie.sizeof())
    BR_ATTEMPT_ACQUIRE = _IOR("r", 11, BinderPriPtrCookie.sizeof())
    BR_NOOP = _IO("r", 12)
    BR_SPAWN_LOOPER = _IO("r", 13)
    BR_FINISHED = _IO("r", 14)
    BR_DEAD_BINDER = _IOR("r", 15, 8)
    BR_CLEAR_DEATH_NOTIFICATION_DONE = _IOR("r", 16, 8)
    BR_FAILED_REPLY = _IO("r", 17)
    BR_FROZEN_REPLY = _IO("r", 18)
    BR_ONEWAY_SPAM_SUSPECT = _IO("r", 19)
    BR_TRANSACTION_PENDING_FROZEN = _IO("r", 20)
    BR_FROZEN_BINDER = _IOR("r", 21, BinderFrozenStateInfo.sizeof())
    BR_CLEAR_FREEZE_NOTIFICATION_DONE = _IOR("r", 22, 8)


class BinderCommand(IntEnum):
    """enum binder_driver_command_protocol: what a process writes to the driver."""

    BC_TRANSACTION = _IOW("c", 0, BinderTransactionData.sizeof())
    BC_REPLY = _IOW("c", 1, BinderTransactionData.sizeof())
    BC_ACQUIRE_RESULT = _IOW("c", 2, 4)
    BC_FREE_BUFFER = _IOW("c", 3, 8)
    BC_INCREFS = _IOW("c", 4, 4)
    BC_ACQUIRE = _IOW("c", 5, 4)
    BC_RELEASE = _IOW("c", 6, 4)
    BC_DECREFS = _IOW("c", 7, 4)
    BC_INCREFS_DONE = _IOW("c", 8, BinderPtrCookie.sizeof())
    BC_ACQUIRE_DONE = _IOW("c", 9, BinderPtrCookie.sizeof())
    BC_ATTEMPT_ACQUIRE = _IOW("c", 10, BinderPriDesc.sizeof())
    BC_REGISTER_LOOPER = _IO("c", 11)
    BC_ENTER_LOOPER = _IO("c", 12)
    BC_EXIT_LOOPER = _IO("c", 13)
    BC_REQUEST_DEATH_NOTIFICATION = _IOW("c", 14, BinderHandleCookie.sizeof())
    BC_CLEAR_DEATH_NOTIFICATION = _IOW("c", 15, BinderHandleCookie.sizeof())
    BC_DEAD_BINDER_DONE = _IOW("c", 16, 8)
    BC_TRANSACTION_SG = _IOW("c", 17, BinderTransactionDataSg.sizeof())
    BC_REPLY_SG = _IOW("c", 18, BinderTransactionDataSg.sizeof())
    BC_REQUEST_FREEZE_NOTIFICATION = _IOW("c", 19, BinderHandleCookie.sizeof())
    BC_CLEAR_FREEZE_NOTIFICATION = _IOW("c", 20, BinderHandleCookie.sizeof())
    BC_FREEZE_NOTIFICATION_DONE = _IOW("c", 21, 8)
