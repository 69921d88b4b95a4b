"""The arguments of the ioctls other than BINDER_WRITE_READ as structures, and what the driver wrote there."""

from __future__ import annotations

from collections.abc import Callable

from harness.binder.abi.layout import Structure
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
from harness.binder.driver.controls import Word
from harness.model.steps import Control


def argument_of(step: Control, pid_of: Callable[[int], int]) -> Structure | None:
    """The argument, with the pids of processes that the step names by number; None for zeros."""
    arguments = step.arguments
    match step.ioctl:
        case BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT:
            ptr, cookie, flags = arguments
            return FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, FlatBinderFlag(flags), ptr, cookie)
        case BinderIoctl.BINDER_VERSION:
            return BinderVersion()
        case BinderIoctl.BINDER_GET_NODE_DEBUG_INFO:
            return BinderNodeDebugInfo(arguments[0])
        case BinderIoctl.BINDER_GET_NODE_INFO_FOR_REF:
            return BinderNodeInfoForRef(arguments[0])
        case BinderIoctl.BINDER_FREEZE:
            return BinderFreezeInfo(pid_of(arguments[0]), arguments[1], timeout_ms=0)
        case BinderIoctl.BINDER_GET_FROZEN_INFO:
            return BinderFrozenStatusInfo(pid_of(arguments[0]))
        case BinderIoctl.BINDER_GET_EXTENDED_ERROR:
            return BinderExtendedError()
    return Word(arguments[0]) if arguments else None


def answer_in(argument: Structure) -> tuple[int, ...]:
    """What the model says of an ioctl's result, by its argument as it is afterwards."""
    match argument:
        case BinderVersion(version):
            return (version,)
        case BinderNodeDebugInfo(ptr, cookie, strong, weak):
            return (ptr, cookie, strong, weak)
        case BinderNodeInfoForRef(_, strong, weak):
            return (strong, weak)
        case BinderFrozenStatusInfo(_, called, posted):
            return (called, posted)
        case BinderExtendedError(_, command, error):
            return (command, error)
    return ()
