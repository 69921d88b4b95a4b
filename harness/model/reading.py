"""Reads: which work a thread takes, and the returns that it becomes. binder_thread_read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.binder.abi import returns
from harness.binder.abi.returns import RETURNS, Return
from harness.binder.abi.structures import BinderTransactionDataSecctx, TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.model import nodes
from harness.model.failures import drop, finish
from harness.model.records import IN_POOL, Buffer, Death, DeathState, Freeze, Node, Thread, Transaction
from harness.model.steps import descriptors_in, rounded
from harness.model.transactions import release_buffer
from harness.model.work import Completion, ErrorSlot, Work

CODE_SIZE = 4
ROOM_FOR_ANY = CODE_SIZE + BinderTransactionDataSecctx.sizeof()
"""Bytes that have to be left in the read buffer before work is taken."""


class Reading:
    """One read by a thread, into a buffer of `size` bytes."""

    def __init__(self, thread: Thread, size: int, *, is_full: bool = False) -> None:
        """`is_full`: whether the process may have no further descriptor."""
        self.thread = thread
        self.size = size
        self.is_full = is_full
        self.returns: list[Return] = [returns.Noop()]
        self._takes_any = False
        self.delivered: Buffer | None = None
        """The buffer of the transaction or reply that it returned."""

    @property
    def used(self) -> int:
        """Bytes of the buffer in use."""
        return sum(CODE_SIZE + each.sizeof() for each in self.returns)

    def run(self) -> bool:
        """Read all that there is, up to a transaction or a death: False where there is nothing."""
        while True:
            self._takes_any = takes_work_of_process(self.thread)
            if not has_work(self.thread, takes_any=self._takes_any):
                return False
            if self._take_all():
                self._request_thread()
                return True

    def wait(self) -> None:
        """Wait for any work, if the thread may have it, before all others. binder_wait_for_work."""
        self.thread.is_woken = False
        if self._takes_any:
            self.thread.process.waiting.insert(0, self.thread)

    def resume(self) -> bool:
        """Look again, once woken: True where the read is over, False where it waits on."""
        if self.thread in self.thread.process.waiting:
            self.thread.process.waiting.remove(self.thread)
        if not has_work(self.thread, takes_any=self._takes_any):
            return False
        if self._take_all():
            self._request_thread()
            return True
        return self.run()

    def _take_all(self) -> bool:
        """Turn work into returns until none is left; whether the read is over."""
        thread, process = self.thread, self.thread.process
        while True:
            queue = thread.todo or (process.todo if self._takes_any else None)
            if not queue:
                return self.used > CODE_SIZE or thread.need_return
            if self.size - self.used < ROOM_FOR_ANY:
                return True
            work = queue.take()
            assert work is not None
            if not thread.todo:
                thread.has_urgent_todo = False
            if self._turn_into_returns(work):
                return True

    def _turn_into_returns(self, work: Work) -> bool:
        """Whether the read ends with it."""
        match work:
            case Transaction():
                return self._deliver(work)
            case ErrorSlot():
                self.returns.append(RETURNS[work.code]())
                work.code = BinderReturn.BR_OK
            case Completion(code=BinderReturn.BR_ONEWAY_SPAM_SUSPECT) if not self.thread.process.reports_spam:
                self.returns.append(returns.TransactionComplete())
            case Completion():
                self.returns.append(RETURNS[work.code]())
            case Node():
                self.returns += nodes.news(work)
            case Death(state=DeathState.CLEARED):
                self.returns.append(returns.ClearDeathNotificationDone(work.cookie))
            case Death():
                self.thread.process.delivered_deaths.add(work)
                self.returns.append(returns.DeadBinder(work.cookie))
                return True
            case Freeze() if work.is_cleared:
                self.returns.append(returns.ClearFreezeNotificationDone(work.cookie))
            case Freeze():
                work.is_sent = True
                self.thread.process.delivered_freezes.add(work)
                self.returns.append(returns.FrozenBinder(work.cookie, int(work.is_frozen)))
                return True
        return False

    def _lose(self, transaction: Transaction, buffer: Buffer) -> bool:
        """Drop what has descriptors that do not fit; whether it was a reply, which ends the read.

        The caller gets BR_FAILED_REPLY. binder_apply_fd_fixups.
        """
        drop(transaction, BinderReturn.BR_FAILED_REPLY)
        is_reply = buffer.node is None
        release_buffer(self.thread.process, buffer)
        if is_reply:
            self.returns.append(returns.FailedReply())
        return is_reply

    def _deliver(self, transaction: Transaction) -> bool:
        """Whether the read ends with it."""
        buffer, thread = transaction.buffer, self.thread
        assert buffer is not None
        if self.is_full and descriptors_in(buffer.objects):
            return self._lose(transaction, buffer)
        kind: Callable[..., Return] = returns.Reply if buffer.node is None else returns.Transaction
        if transaction.security_context is not None:
            kind = partial(returns.TransactionSecurityContext, secctx=transaction.security_context)
        self.returns.append(
            kind(
                target=buffer.node.ptr if buffer.node else 0,
                cookie=buffer.node.cookie if buffer.node else 0,
                code=transaction.code,
                flags=TransactionFlag(transaction.flags),
                sender_pid=transaction.sender if transaction.caller is not None else 0,
                data_size=buffer.data_size,
                offsets_size=buffer.offsets_size,
                buffer=buffer.offset,
                offsets=buffer.offset + rounded(buffer.data_size),
            )
        )
        self.delivered = buffer
        buffer.may_be_freed = True
        if buffer.node is not None and not transaction.one_way:
            transaction.outer_of_handler = thread.stack
            transaction.handler = thread
            thread.stack = transaction
        else:
            finish(transaction)
        return True

    def _request_thread(self) -> None:
        """Put BR_SPAWN_LOOPER in place of BR_NOOP where the pool may grow, and nobody waits."""
        process = self.thread.process
        if (
            self.thread.looper & IN_POOL
            and not process.requested_threads
            and not process.waiting
            and process.started_threads < process.max_threads
        ):
            process.requested_threads += 1
            self.returns[0] = returns.SpawnLooper()


def takes_work_of_process(thread: Thread) -> bool:
    """Whether the thread is free for any work of its process. binder_available_for_proc_work_ilocked."""
    return thread.stack is None and not thread.todo


def has_work(thread: Thread, *, takes_any: bool) -> bool:
    """Whether a read returns at once. binder_has_work_ilocked."""
    return thread.has_urgent_todo or thread.need_return or (takes_any and bool(thread.process.todo))
