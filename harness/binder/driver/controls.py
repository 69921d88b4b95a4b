"""The driver's ioctls other than BINDER_WRITE_READ, each a method under its kernel name."""

from __future__ import annotations

from collections.abc import Iterator

from harness.agent.thread import effective_user
from harness.argument_types import checked_methods
from harness.binder.abi.layout import Structure, structure, u32
from harness.binder.abi.structures import (
    BinderExtendedError,
    BinderFreezeInfo,
    BinderFrozenStatusInfo,
    BinderNodeDebugInfo,
    BinderNodeInfoForRef,
    BinderVersion,
    FlatBinderFlag,
    FlatBinderObject,
    ObjectType,
)
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.ioctls import ThreadIoctls


@structure
class Word(Structure):
    """The argument of ioctls that take a number."""

    value: u32


@checked_methods
class Controls:
    """The control ioctls of one thread; BINDER_THREAD_EXIT is `BinderThread.thread_exit`.

    Every method raises the OSError of its ioctl; EINVAL from a driver that does not know it.
    """

    def __init__(self, ioctls: ThreadIoctls) -> None:
        self._ioctls = ioctls

    def version(self) -> int:
        """BINDER_VERSION: the protocol, 8 for 64-bit pointers."""
        return self._ioctls.ioctl_inout(BinderIoctl.BINDER_VERSION, BinderVersion()).protocol_version

    def set_max_threads(self, threads: int) -> None:
        """BINDER_SET_MAX_THREADS: how many loopers the driver may request with BR_SPAWN_LOOPER."""
        self._ioctls.ioctl(BinderIoctl.BINDER_SET_MAX_THREADS, Word(threads))

    def set_context_manager(
        self, *, extended: bool = False, security_context: bool = False, uid: int | None = None
    ) -> None:
        """BINDER_SET_CONTEXT_MGR, or _EXT with flags; EBUSY if the device has a context manager.

        EPERM if another user was the first until the next boot; `uid` is the effective user for the ioctl.
        """
        with effective_user(self._ioctls.remote, uid, own=self._ioctls.file.process.uid):
            self._set_context_manager(extended=extended, security_context=security_context)

    def _set_context_manager(self, *, extended: bool, security_context: bool) -> None:
        if not extended and not security_context:
            self._ioctls.ioctl(BinderIoctl.BINDER_SET_CONTEXT_MGR)
            return
        flags = FlatBinderFlag.FLAT_BINDER_FLAG_ACCEPTS_FDS
        if security_context:
            flags |= FlatBinderFlag.FLAT_BINDER_FLAG_TXN_SECURITY_CTX
        self._ioctls.ioctl(
            BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, flags)
        )

    def enable_oneway_spam_detection(self, enabled: bool = True) -> None:
        """BINDER_ENABLE_ONEWAY_SPAM_DETECTION: warn this process if it sends too much (Linux 5.13)."""
        self._ioctls.ioctl(BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION, Word(int(enabled)))

    def extended_error(self) -> BinderExtendedError:
        """BINDER_GET_EXTENDED_ERROR: this thread's last failure, which is then cleared (Linux 5.19)."""
        return self._ioctls.ioctl_inout(BinderIoctl.BINDER_GET_EXTENDED_ERROR, BinderExtendedError())

    def freeze(self, pid: int, *, enable: bool = True, timeout_milliseconds: int = 0) -> None:
        """BINDER_FREEZE (Linux 5.13); EAGAIN if calls to the process are still in progress then."""
        self._ioctls.ioctl(
            BinderIoctl.BINDER_FREEZE, BinderFreezeInfo(pid, int(enable), timeout_milliseconds)
        )

    def get_frozen_info(self, pid: int) -> BinderFrozenStatusInfo:
        """BINDER_GET_FROZEN_INFO: what a process received since it was frozen (Linux 5.13)."""
        return self._ioctls.ioctl_inout(BinderIoctl.BINDER_GET_FROZEN_INFO, BinderFrozenStatusInfo(pid))

    def node_debug_info(self) -> Iterator[BinderNodeDebugInfo]:
        """BINDER_GET_NODE_DEBUG_INFO: this process's nodes by ascending ptr, without the one at 0."""
        node = self._ioctls.ioctl_inout(BinderIoctl.BINDER_GET_NODE_DEBUG_INFO, BinderNodeDebugInfo())
        while node.ptr:
            yield node
            node = self._ioctls.ioctl_inout(
                BinderIoctl.BINDER_GET_NODE_DEBUG_INFO, BinderNodeDebugInfo(node.ptr)
            )

    def node_info_for_ref(self, handle: int) -> BinderNodeInfoForRef:
        """BINDER_GET_NODE_INFO_FOR_REF: the node's counts; EPERM for all but the context manager."""
        return self._ioctls.ioctl_inout(
            BinderIoctl.BINDER_GET_NODE_INFO_FOR_REF, BinderNodeInfoForRef(handle)
        )
