"""Calls, one-way calls and replies, from BC_TRANSACTION to the queue of a thread, and how they fail."""

from __future__ import annotations

import errno

from harness.binder.abi.structures import FlatBinderFlag, TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.model import nodes, references
from harness.model.failures import fail_call, finish
from harness.model.payloads import buffers, translation
from harness.model.records import Buffer, Node, Process, Thread, Transaction
from harness.model.steps import DescriptorArray, Payload, rounded
from harness.model.work import Completion


class _UndeliveredError(Exception):
    """A transaction that the driver does not deliver."""

    def __init__(self, code: BinderReturn, error: int, call: Transaction | None = None) -> None:
        super().__init__(code, error)
        self.code = code
        self.error = error
        """What BINDER_GET_EXTENDED_ERROR reports."""
        self.call = call
        """The call that it was to answer: then the failure is the caller's."""


FAILED, DEAD = BinderReturn.BR_FAILED_REPLY, BinderReturn.BR_DEAD_REPLY


def transact(thread: Thread, handle: int, code: int, flags: int, content: Payload) -> None:
    """BC_TRANSACTION. binder_transaction."""
    thread.error = (BinderReturn.BR_OK, 0)
    try:
        _transact(thread, handle, code, flags, content)
    except _UndeliveredError as failure:
        _fail(thread, failure)


def reply(thread: Thread, code: int, flags: int, content: Payload) -> None:
    """BC_REPLY. binder_transaction."""
    thread.error = (BinderReturn.BR_OK, 0)
    try:
        _reply(thread, code, flags, content)
    except _UndeliveredError as failure:
        _fail(thread, failure)


def _transact(thread: Thread, handle: int, code: int, flags: int, content: Payload) -> None:
    node = _target(thread.process, handle)
    target = node.process
    assert target is not None
    nodes.count_up(node, strong=True, internal=False, todo=None)
    with nodes.held(node):
        transaction = Transaction(target, code, flags, thread.process.number)
        wants_context = bool(node.flags & FlatBinderFlag.FLAT_BINDER_FLAG_TXN_SECURITY_CTX)
        try:
            if target is thread.process:
                raise _UndeliveredError(FAILED, -errno.EINVAL)
            if not transaction.one_way:
                transaction.caller = thread
                transaction.handler = thread_to_call_back(thread, target)
            buffer = _allocate(transaction, content, with_context=wants_context)
        except _UndeliveredError:
            nodes.count_down(node, strong=True, internal=False)
            raise
        buffer.node = node
        try:
            accepts = bool(node.flags & FlatBinderFlag.FLAT_BINDER_FLAG_ACCEPTS_FDS)
            _fill(buffer, content, thread, target, takes_descriptors=accepts)
            _queue(thread, transaction, node, target, buffer)
        except _UndeliveredError:
            _discard(target, buffer)
            raise


def _target(process: Process, handle: int) -> Node:
    """The node that is called: handle 0 is the context manager, whatever reference the process has."""
    if handle == 0:
        node = process.context.manager
        if node is None:
            raise _UndeliveredError(DEAD, -errno.EINVAL)
        return node
    reference = references.find(process, handle, strong=True)
    if reference is None:
        raise _UndeliveredError(FAILED, -errno.EINVAL)
    if reference.node.process is None:
        raise _UndeliveredError(DEAD, -errno.EINVAL)
    return reference.node


def thread_to_call_back(thread: Thread, target: Process) -> Thread | None:
    """The thread of the target that waits, directly or not, for what this thread handles; None for any.

    -EPROTO for a thread that waits for a reply itself, or that has yet to read a call to it.
    """
    first = thread.todo.entries[0] if thread.todo else None
    if isinstance(first, Transaction):
        raise _UndeliveredError(FAILED, -errno.EPROTO)
    each = thread.stack
    if each is not None and each.handler is not thread:
        raise _UndeliveredError(FAILED, -errno.EPROTO)
    while each is not None:
        if each.caller is not None and each.caller.process is target:
            return each.caller
        each = each.outer_of_caller
    return None


def _allocate(transaction: Transaction, content: Payload, *, with_context: bool) -> Buffer:
    """A buffer of the receiver's; a security context takes the end of it."""
    target = transaction.target
    assert target is not None
    context_size = target.context.features.security_context if with_context else 0
    if context_size < 0:
        raise _UndeliveredError(FAILED, context_size)
    found = buffers.allocate(
        target.mapping,
        content.data_size,
        content.offsets_size,
        content.extra_size + context_size,
        one_way=transaction.one_way and transaction.handler is None,
        sender=transaction.sender,
    )
    if isinstance(found, int):
        raise _UndeliveredError(DEAD if found == -errno.ESRCH else FAILED, found)
    if with_context:
        sizes = (found.data_size, found.offsets_size, found.extra_size)
        transaction.security_context = found.offset + sum(map(rounded, sizes)) - context_size
    transaction.buffer = found
    found.transaction = transaction
    found.node = None
    found.objects = []
    return found


def _fill(
    buffer: Buffer, content: Payload, thread: Thread, receiver: Process, *, takes_descriptors: bool
) -> None:
    """Translate the objects; the first that cannot be ends the transaction."""
    translated = translation.Translation(
        thread, receiver, buffer, extra_size=content.extra_size, takes_descriptors=takes_descriptors
    )
    for sent in content.objects:
        received = translated.of(sent)
        if isinstance(received, int):
            raise _UndeliveredError(FAILED, received)
        buffer.objects.append(received)
    if translated.is_misplaced:
        raise _UndeliveredError(FAILED, -errno.EINVAL)


def _discard(process: Process, buffer: Buffer) -> None:
    buffer.transaction = None
    translation.release(process, buffer)
    buffers.free(process.mapping, buffer)


def _queue(thread: Thread, transaction: Transaction, node: Node, target: Process, buffer: Buffer) -> None:
    """Queue a call for a thread, its process, or its node. binder_proc_transaction."""
    accepted = Completion()
    if buffer.is_spam:
        accepted.code = BinderReturn.BR_ONEWAY_SPAM_SUSPECT
    waits = transaction.one_way and node.in_one_way
    if transaction.one_way:
        node.in_one_way = True
    if target.frozen:
        target.called_while_frozen |= not transaction.one_way
        target.posted_while_frozen |= transaction.one_way
        if not transaction.one_way:
            raise _UndeliveredError(BinderReturn.BR_FROZEN_REPLY, 0)
        if target.context.features.reports_pending:
            accepted.code = BinderReturn.BR_TRANSACTION_PENDING_FROZEN
    if transaction.one_way:
        thread.give(accepted)
    else:
        thread.give_later(accepted)
        transaction.outer_of_caller = thread.stack
        thread.stack = transaction
    if transaction.handler is not None:
        transaction.handler.give(transaction)
    elif waits:
        outdated = _outdated(transaction, node)
        if outdated is not None:
            outdated.dequeue()
            target.unfinished -= 1
        node.one_way_queue.add(transaction)
        if outdated is not None and outdated.buffer is not None:
            _discard(target, outdated.buffer)
    elif (waiting := target.select()) is not None:
        waiting.give(transaction)
    else:
        target.todo.add(transaction)
    target.unfinished += 1


def _outdated(transaction: Transaction, node: Node) -> Transaction | None:
    """The one-way call that waits at a frozen node and that this one replaces.

    binder_find_outdated_transaction_ilocked.
    """
    wanted = TransactionFlag.TF_ONE_WAY | TransactionFlag.TF_UPDATE_TXN
    if node.process is None or not node.process.frozen or transaction.flags & wanted != wanted:
        return None
    for waiting in node.one_way_queue.entries:
        if isinstance(waiting, Transaction) and _alike(waiting) == _alike(transaction):
            return waiting
    return None


def _alike(transaction: Transaction) -> tuple[int, int, int]:
    """What a call has in common with one that it may replace. binder_can_update_transaction."""
    return (transaction.code, transaction.flags, transaction.sender)


def _reply(thread: Thread, code: int, flags: int, content: Payload) -> None:
    call = thread.stack
    if call is None or call.handler is not thread:
        raise _UndeliveredError(FAILED, -errno.EPROTO)
    thread.stack = call.outer_of_handler
    caller = call.caller
    if caller is None:
        raise _UndeliveredError(DEAD, 0, call)
    if caller.stack is not call:
        raise _UndeliveredError(FAILED, -errno.EPROTO)
    answer = Transaction(caller.process, code, flags, thread.process.number)
    answer.handler = caller
    try:
        buffer = _allocate(answer, content, with_context=False)
        try:
            accepts = bool(call.flags & TransactionFlag.TF_ACCEPT_FDS)
            _fill(buffer, content, thread, caller.process, takes_descriptors=accepts)
        except _UndeliveredError:
            _discard(caller.process, buffer)
            raise
    except _UndeliveredError as failure:
        raise _UndeliveredError(failure.code, failure.error, call) from failure
    thread.give(Completion())
    caller.stack = call.outer_of_caller
    call.caller = None
    caller.give(answer)
    caller.process.unfinished += 1
    finish(call)


def _fail(thread: Thread, failure: _UndeliveredError) -> None:
    """Report a failure to the sender or, of a reply, to the caller: the replier's is complete, then."""
    if failure.call is None:
        thread.error = (failure.code, failure.error)
        thread.return_error.code = failure.code
        thread.give(thread.return_error)
        return
    caller = failure.call.caller
    if caller is not None and caller.error[0] == BinderReturn.BR_OK:
        caller.error = (failure.code, failure.error)
    thread.return_error.code = BinderReturn.BR_TRANSACTION_COMPLETE
    thread.give(thread.return_error)
    fail_call(failure.call, failure.code)


def free_buffer(thread: Thread, offset: int) -> None:
    """BC_FREE_BUFFER; nothing for an address that is none, or not delivered. binder_thread_write.

    Where the driver closes descriptors with it, the thread returns to do so: its next read waits for nothing.
    """
    buffer = buffers.find(thread.process.mapping, offset)
    if buffer is None:
        return
    if any(isinstance(each, DescriptorArray) and each.count for each in buffer.objects):
        thread.need_return = True
    release_buffer(thread.process, buffer)


def release_buffer(process: Process, buffer: Buffer) -> None:
    """Free a buffer with what it holds; then the node's next one-way call may be read. binder_free_buf."""
    if buffer.transaction is not None:
        buffer.transaction.buffer = None
        buffer.transaction = None
    if buffer.one_way and buffer.node is not None:
        following = buffer.node.one_way_queue.take()
        if following is None:
            buffer.node.in_one_way = False
        else:
            process.todo.add(following)
    translation.release(process, buffer)
    buffers.free(process.mapping, buffer)
