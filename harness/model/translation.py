"""What the driver makes of the objects in a transaction for the receiver, and drops with the buffer."""

from __future__ import annotations

import errno

from harness.model import nodes, references
from harness.model.records import Buffer, Process, Thread
from harness.model.steps import Binder, Descriptor, Handle, Nonsense, Object, Pointer, rounded


class Translation:
    """The translation of one transaction's objects, in order. binder_transaction."""

    def __init__(self, thread: Thread, receiver: Process, buffer: Buffer, *, takes_descriptors: bool) -> None:
        self._thread = thread
        self._receiver = receiver
        self._takes_descriptors = takes_descriptors
        self._next = buffer.offset + rounded(buffer.data_size) + rounded(buffer.offsets_size)
        self._end = self._next + buffer.extra_size

    def of(self, sent: Object) -> Object | int:
        """What the receiver gets for an object, or a negative errno."""
        match sent:
            case Binder():
                return _translate_binder(sent, self._thread, self._receiver)
            case Handle():
                return _translate_handle(sent, self._thread.process, self._receiver)
            case Descriptor(is_open):
                return self._descriptor(is_open=is_open)
            case Pointer(size):
                return self._pointer(size)
            case Nonsense():
                return -errno.EINVAL  # binder_get_object knows no such type

    def _descriptor(self, *, is_open: bool) -> Object | int:
        """A descriptor is the receiver's own once it reads. binder_translate_fd."""
        if not self._takes_descriptors:
            return -errno.EPERM
        return Descriptor() if is_open else -errno.EBADF

    def _pointer(self, size: int) -> Object | int:
        """Memory has its place behind the offsets, in order."""
        if size > self._end - self._next:
            return -errno.EINVAL
        place, self._next = self._next, self._next + rounded(size)
        return Pointer(size, place)


def _translate_binder(sent: Binder, thread: Thread, receiver: Process) -> Object | int:
    """A node becomes a handle. binder_translate_binder."""
    node = nodes.find_or_create(thread.process, sent.ptr, sent.cookie, sent.flags)
    with nodes.held(node):
        if node.cookie != sent.cookie:
            return -errno.EINVAL
        error, reference = references.take_for_node(receiver, node, strong=sent.strong, todo=thread.todo)
        return error or Handle(reference.handle, sent.strong, sent.flags)


def _translate_handle(sent: Handle, sender: Process, receiver: Process) -> Object | int:
    """A handle becomes the receiver's own node, or a handle of the receiver's. binder_translate_handle."""
    source = references.find(sender, sent.handle, strong=sent.strong)
    if source is None:
        return -errno.EINVAL
    node = source.node
    with nodes.held(node):
        if node.process is receiver:
            nodes.count_up(node, strong=sent.strong, internal=False, todo=None)
            return Binder(node.ptr, node.cookie, sent.strong, sent.flags)
        error, reference = references.take_for_node(receiver, node, strong=sent.strong, todo=None)
        return error or Handle(reference.handle, sent.strong, sent.flags)


def release(process: Process, buffer: Buffer) -> None:
    """Drop what a buffer holds: its target, and each object in it. binder_transaction_buffer_release."""
    if buffer.node is not None:
        nodes.count_down(buffer.node, strong=True, internal=False)
    for each in buffer.objects:
        match each:
            case Binder(ptr, _, strong):
                node = process.nodes.get(ptr)
                if node is not None:
                    with nodes.held(node):
                        nodes.count_down(node, strong=strong, internal=False)
            case Handle(handle, strong):
                references.update(process, handle, up=False, strong=strong)
    buffer.objects = []
