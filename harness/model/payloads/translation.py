"""What the driver makes of the objects in a transaction for the receiver, and drops with the buffer."""

from __future__ import annotations

import errno
from dataclasses import replace

from harness.model import nodes, references
from harness.model.payloads.fixups import Fixups
from harness.model.records import Buffer, Process, Thread
from harness.model.steps import (
    WORD,
    Binder,
    Descriptor,
    DescriptorArray,
    Handle,
    Nonsense,
    Object,
    Pointer,
    rounded,
)

DESCRIPTOR_SIZE = 4
ALIGNMENT = 4
"""Of what the driver writes into a buffer: check_buffer."""


class Translation:
    """The translation of one transaction's objects, in order. binder_transaction."""

    def __init__(
        self, thread: Thread, receiver: Process, buffer: Buffer, *, extra_size: int, takes_descriptors: bool
    ) -> None:
        """`extra_size`: bytes for the memory of Pointers."""
        self._thread = thread
        self._receiver = receiver
        self._takes_descriptors = takes_descriptors
        self._objects = buffer.objects
        self._next = buffer.offset + rounded(buffer.data_size) + rounded(buffer.offsets_size)
        self._end = self._next + extra_size
        self._fixups = Fixups()
        self.is_misplaced = False
        """Whether an address would be written where the driver writes none: it fails in the end."""

    def of(self, sent: Object) -> Object | int:
        """What the receiver gets for an object, or a negative errno."""
        match sent:
            case Binder():
                return _translate_binder(sent, self._thread, self._receiver)
            case Handle():
                return _translate_handle(sent, self._thread.process, self._receiver)
            case Descriptor(is_open):
                return self._descriptor(is_open=is_open)
            case Pointer():
                return self._pointer(sent)
            case DescriptorArray():
                return self._array(sent)
            case Nonsense():
                return -errno.EINVAL  # binder_get_object knows no such type

    def _descriptor(self, *, is_open: bool) -> Object | int:
        """A descriptor is the receiver's own once it reads. binder_translate_fd."""
        if not self._takes_descriptors:
            return -errno.EPERM
        return Descriptor() if is_open else -errno.EBADF

    def _pointer(self, sent: Pointer) -> Object | int:
        """Memory has its place behind the offsets, in order. binder_fixup_parent."""
        if sent.size > self._end - self._next:
            return -errno.EINVAL
        received, self._next = replace(sent, at=self._next), self._next + rounded(sent.size)
        if sent.parent is not None:
            parent = self._fixups.parent_of(self._objects, sent.parent, sent.parent_offset)
            if parent is None or sent.parent_offset + WORD > parent.size:
                return -errno.EINVAL
            self.is_misplaced |= bool(sent.parent_offset % ALIGNMENT)
        self._fixups.descended([*self._objects, received], len(self._objects), 0)
        return received

    def _array(self, sent: DescriptorArray) -> Object | int:
        """Descriptors replace those in the memory of a Pointer. binder_translate_fd_array."""
        parent = self._fixups.parent_of(self._objects, sent.parent, sent.parent_offset)
        if parent is None:
            return -errno.EINVAL
        end = sent.parent_offset + DESCRIPTOR_SIZE * sent.count
        if sent.count:
            if end > parent.size or sent.parent_offset % DESCRIPTOR_SIZE:
                return -errno.EINVAL
            first = self._descriptor(is_open=sent.is_open)
            if isinstance(first, int):
                return first
        self._fixups.descended(self._objects, sent.parent, end)
        return replace(sent, is_open=True)


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
