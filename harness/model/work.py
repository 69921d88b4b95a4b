"""Work that waits for a thread, a process or a node, and the queues that it waits in."""

from __future__ import annotations

from collections.abc import Callable

from harness.binder.abi.uapi import BinderReturn


class Work:
    """Something that a read will turn into returns; it is in one queue at a time (struct binder_work)."""

    def __init__(self) -> None:
        self.queue: Queue | None = None

    def dequeue(self) -> None:
        """Take it off its queue, if it is in one (binder_dequeue_work_ilocked)."""
        if self.queue is not None:
            self.queue.entries.remove(self)
            self.queue = None


class Queue:
    """A list of work, oldest first."""

    def __init__(self, added: Callable[[], object] = lambda: None) -> None:
        """`added` is called after each addition."""
        self.entries: list[Work] = []
        self._added = added

    def __bool__(self) -> bool:
        return bool(self.entries)

    def add(self, work: Work) -> None:
        """Append (binder_enqueue_work_ilocked, which stops the kernel for work that is in a queue)."""
        assert work.queue is None, f"{work} is in a queue already"
        work.queue = self
        self.entries.append(work)
        self._added()

    def take(self) -> Work | None:
        """Remove and return the oldest (binder_dequeue_work_head_ilocked)."""
        if not self.entries:
            return None
        work = self.entries[0]
        work.dequeue()
        return work


class Completion(Work):
    """The news that a transaction or reply was accepted (BINDER_WORK_TRANSACTION_COMPLETE and its kin)."""

    def __init__(self, code: BinderReturn = BinderReturn.BR_TRANSACTION_COMPLETE) -> None:
        super().__init__()
        self.code = code


class ErrorSlot(Work):
    """A thread's place for one error: its own, or that of the call it waits for (struct binder_error)."""

    def __init__(self) -> None:
        super().__init__()
        self.code = BinderReturn.BR_OK
