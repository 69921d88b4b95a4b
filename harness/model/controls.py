"""The ioctls other than BINDER_WRITE_READ. binder_ioctl."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from harness.binder.abi.uapi import BINDER_CURRENT_PROTOCOL_VERSION, BinderIoctl, BinderReturn
from harness.model import exits, nodes, references
from harness.model.notifications import freezes
from harness.model.records import Process, Thread
from harness.model.steps import Control, Outcome


def control(thread: Thread, step: Control, processes: Mapping[int, Process]) -> Outcome:
    """Carry out one; those about other processes name them by their number."""
    process, arguments = thread.process, step.arguments
    match step.ioctl:
        case BinderIoctl.BINDER_SET_MAX_THREADS:
            process.max_threads = arguments[0]
        case BinderIoctl.BINDER_SET_CONTEXT_MGR:
            return Outcome(become_context_manager(process, 0, 0, 0))
        case BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT:
            return Outcome(become_context_manager(process, *arguments))
        case BinderIoctl.BINDER_THREAD_EXIT:
            exits.end_thread(thread)
        case BinderIoctl.BINDER_VERSION:
            return Outcome(answer=(BINDER_CURRENT_PROTOCOL_VERSION,))
        case BinderIoctl.BINDER_GET_NODE_DEBUG_INFO:
            return Outcome(answer=next_node(process, arguments[0]))
        case BinderIoctl.BINDER_GET_NODE_INFO_FOR_REF:
            return node_counts(process, arguments[0])
        case BinderIoctl.BINDER_FREEZE:
            return Outcome(freeze(processes.get(arguments[0]), enable=bool(arguments[1])))
        case BinderIoctl.BINDER_GET_FROZEN_INFO:
            return frozen_info(processes.get(arguments[0]))
        case BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION:
            process.reports_spam = bool(arguments[0])
        case BinderIoctl.BINDER_GET_EXTENDED_ERROR:
            (code, error), thread.error = thread.error, (BinderReturn.BR_OK, 0)
            return Outcome(answer=(code, error))
        case _:
            return Outcome(-errno.EINVAL)
    return Outcome()


def become_context_manager(process: Process, ptr: int, cookie: int, flags: int) -> int:
    """0, or -EBUSY if the device has a context manager. binder_ioctl_set_ctx_mgr."""
    context = process.context
    if context.manager is not None:
        return -errno.EBUSY
    node = nodes.find_or_create(process, ptr, cookie, flags)
    with nodes.held(node):
        node.local_weak += 1
        node.local_strong += 1
        node.has_strong = node.has_weak = True
        context.manager = node
    return 0


def next_node(process: Process, ptr: int) -> tuple[int, ...]:
    """The node with the next higher ptr, or zeros. binder_ioctl_get_node_debug_info."""
    following = [each for each in process.nodes if each > ptr]
    if not following:
        return (0, 0, 0, 0)
    node = process.nodes[min(following)]
    return (node.ptr, node.cookie, int(node.has_strong), int(node.has_weak))


def node_counts(process: Process, handle: int) -> Outcome:
    """A node's counts, for the context manager alone. binder_ioctl_get_node_info_for_ref."""
    manager = process.context.manager
    if manager is None or manager.process is not process:
        return Outcome(-errno.EPERM)
    reference = references.find(process, handle, strong=True)
    if reference is None:
        return Outcome(-errno.EINVAL)
    node = reference.node
    with nodes.held(node):
        return Outcome(answer=(node.local_strong + node.internal_strong, node.local_weak))


def is_busy(process: Process) -> bool:
    """Whether calls to it, or in it, are in progress. binder_txns_pending_ilocked."""
    return process.unfinished > 0 or any(each.stack is not None for each in process.threads.values())


def freeze(target: Process | None, *, enable: bool) -> int:
    """Freeze without waiting, or thaw; -EAGAIN while calls are in progress. binder_ioctl_freeze."""
    if target is None:
        return -errno.EINVAL
    target.called_while_frozen = target.posted_while_frozen = False
    target.frozen = enable
    if enable and is_busy(target):
        target.frozen = False
        return -errno.EAGAIN
    freezes.announce(target, is_frozen=enable)
    return 0


def frozen_info(target: Process | None) -> Outcome:
    """What a process received since it was frozen. binder_ioctl_get_freezer_info."""
    if target is None:
        return Outcome(-errno.EINVAL)
    called = int(target.called_while_frozen) | int(is_busy(target)) << 1
    return Outcome(answer=(called, int(target.posted_while_frozen)))
