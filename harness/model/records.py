"""What the driver keeps: for a device, the processes that have it open, their threads, and between them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntFlag

from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.model.features import Features
from harness.model.steps import Object
from harness.model.work import ErrorSlot, Queue, Work

MOST_MAPPED = 4 * 1024 * 1024
"""Bytes of a mapping that are used at most: binder_alloc_mmap_handler."""
NOBODY = -1
Choose = Callable[[int], int]
"""Picks one of so many possibilities that the driver leaves open, by its index."""


class Context:
    """A binder device (struct binder_context)."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self.manager: Node | None = None
        self.dead_nodes: list[Node] = []
        """Nodes of dead processes to which there are references."""


class Looper(IntFlag):
    """A thread's state in its process's pool: BINDER_LOOPER_STATE_*."""

    REGISTERED = 0x01
    ENTERED = 0x02
    EXITED = 0x04
    INVALID = 0x08


IN_POOL = Looper.REGISTERED | Looper.ENTERED


class Thread:
    """A thread that has used the driver (struct binder_thread); its record is made by its first ioctl."""

    def __init__(self, process: Process, number: int) -> None:
        self.process = process
        self.number = number
        self.looper = Looper(0)
        self.need_return = True
        """Whether its next read returns even with nothing to read: so after its first ioctl began."""
        self.todo = Queue()
        self.has_urgent_todo = False
        """Whether what is in `todo` may be read now (process_todo), and not only with what comes next."""
        self.is_woken = False
        """Whether, if it waits, it is to look again."""
        self.stack: Transaction | None = None
        """The innermost call that it makes or handles."""
        self.return_error = ErrorSlot()
        self.reply_error = ErrorSlot()
        self.error = (BinderReturn.BR_OK, 0)
        """What BINDER_GET_EXTENDED_ERROR returns."""

    def give(self, work: Work) -> None:
        """Queue work that a read returns at once, or wakes the thread. binder_enqueue_thread_work_ilocked."""
        self.todo.add(work)
        self.has_urgent_todo = self.is_woken = True

    def give_later(self, work: Work) -> None:
        """Queue work that alone ends no wait. binder_enqueue_deferred_thread_work_ilocked."""
        self.todo.add(work)


class Process:
    """An open file of a process (struct binder_proc)."""

    def __init__(self, context: Context, number: int, mapped: int, choose: Choose) -> None:
        self.context = context
        self.number = number
        self.mapping = Mapping(mapped, choose, counts_latest=context.features.counts_latest)
        self.threads: dict[int, Thread] = {}
        self.nodes: dict[int, Node] = {}
        """By ptr."""
        self.references: dict[int, Reference] = {}
        """By handle."""
        self.waiting: list[Thread] = []
        """Threads that wait for any work, the latest first (waiting_threads)."""
        self.todo = Queue(self.wake)
        """Work that any of its threads may take."""
        self.delivered_deaths = Queue()
        """Death notifications that wait for BC_DEAD_BINDER_DONE."""
        self.delivered_freezes = Queue()
        """Freeze notifications that wait for BC_FREEZE_NOTIFICATION_DONE."""
        self.max_threads = self.requested_threads = self.started_threads = 0
        self.unfinished = 0
        """Transactions sent to it that have not ended (outstanding_txns)."""
        self.frozen = self.called_while_frozen = self.posted_while_frozen = False
        self.reports_spam = False

    def __repr__(self) -> str:
        return f"process {self.number}"

    def thread(self, number: int) -> Thread:
        """The thread's record, made if it is its first use of the driver. binder_get_thread."""
        return self.threads.setdefault(number, Thread(self, number))

    def select(self) -> Thread | None:
        """The thread that is to be woken, which waits no longer. binder_select_thread_ilocked."""
        return self.waiting.pop(0) if self.waiting else None

    def wake(self) -> None:
        """Wake a thread that waits, if one does. binder_wakeup_proc_ilocked."""
        thread = self.select()
        if thread is not None:
            thread.is_woken = True

    def give(self, thread: Thread, work: Work) -> None:
        """Queue a notification that `thread` caused: for itself if it is in the pool, else for any."""
        if thread.looper & IN_POOL:
            thread.give(work)
        else:
            self.todo.add(work)


class Node(Work):
    """An object of one process (struct binder_node)."""

    def __init__(self, process: Process, ptr: int, cookie: int, flags: int) -> None:
        super().__init__()
        self.process: Process | None = process
        """None once its owner is gone."""
        self.context: Context = process.context
        self.ptr = ptr
        self.cookie = cookie
        self.flags = flags
        """FLAT_BINDER_FLAG_* of the object that created it; those of later ones are ignored."""
        self.internal_strong = 0
        """References that hold it strongly."""
        self.local_strong = 0
        """Buffers for which it is the target or an object, and BR_ACQUIRE until it is acknowledged."""
        self.local_weak = 0
        self.temporary = 0
        """Held by a command in progress."""
        self.has_strong = self.has_weak = False
        """Whether the owner was told to keep it: BR_ACQUIRE and BR_INCREFS."""
        self.pending_strong = self.pending_weak = False
        """Whether the owner has yet to acknowledge that."""
        self.references: list[Reference] = []
        """Newest first."""
        self.in_one_way = False
        """Whether a one-way call was sent to it whose buffer is not freed."""
        self.one_way_queue = Queue()
        """One-way calls that wait for that."""

    def __repr__(self) -> str:
        return f"<Node {self.ptr:#x} of {self.process!r}>"


class Reference:
    """One process's handle to a node (struct binder_ref)."""

    def __init__(self, process: Process, node: Node, handle: int) -> None:
        self.process = process
        self.node = node
        self.handle = handle
        self.strong = self.weak = 0
        self.death: Death | None = None
        """The request for a death notification."""
        self.freeze: Freeze | None = None
        """The request for freeze notifications."""


class DeathState(Enum):
    """What a queued notification will be read as: the types of struct binder_work."""

    DEAD = "has dead binder"
    DEAD_AND_CLEARED = "has cleared dead binder"
    CLEARED = "has cleared death notification"


class Death(Work):
    """A request for a death notification (struct binder_ref_death)."""

    def __init__(self, cookie: int) -> None:
        super().__init__()
        self.cookie = cookie
        self.state = DeathState.DEAD


class Freeze(Work):
    """A request for freeze notifications (struct binder_ref_freeze)."""

    def __init__(self, cookie: int) -> None:
        super().__init__()
        self.cookie = cookie
        self.is_frozen = False
        """What the next notification states."""
        self.is_sent = False
        """Whether one is delivered and not acknowledged."""
        self.has_changed = False
        """Whether another follows once it is."""
        self.is_cleared = False


class Transaction(Work):
    """A call or a reply on its way, or a call that is being handled (struct binder_transaction)."""

    def __init__(self, target: Process, code: int, flags: int, sender: int) -> None:
        super().__init__()
        self.target: Process | None = target
        """None once the thread that handled it has ended."""
        self.code = code
        self.flags = flags
        self.sender = sender
        """The number of the sending process."""
        self.caller: Thread | None = None
        """The thread that waits for the reply, unless it has ended."""
        self.outer_of_caller: Transaction | None = None
        """The next transaction on the caller's stack (from_parent)."""
        self.handler: Thread | None = None
        """The thread that handles it, or is to (to_thread)."""
        self.outer_of_handler: Transaction | None = None
        self.buffer: Buffer | None = None
        self.security_context: int | None = None
        """Where the sender's security context is in the mapping."""

    @property
    def one_way(self) -> bool:
        """Whether no reply is expected."""
        return bool(self.flags & TransactionFlag.TF_ONE_WAY)


class Buffer:
    """A piece of the mapping, used or free (struct binder_buffer)."""

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size
        """Bytes that it occupies."""
        self.free = True
        self.data_size = self.offsets_size = self.extra_size = 0
        self.one_way = False
        self.sender = NOBODY
        """The process that sent it, or what was in its place before."""
        self.is_spam = False
        """Whether it is a one-way call that its sender is warned of."""
        self.may_be_freed = False
        """Whether BC_FREE_BUFFER is allowed: from its delivery on, once."""
        self.transaction: Transaction | None = None
        self.node: Node | None = None
        """The target; None for a reply."""
        self.objects: list[Object] = []
        """As the receiver sees them."""


class Mapping:
    """One process's mapping (struct binder_alloc)."""

    def __init__(self, size: int, choose: Choose, *, counts_latest: bool = True) -> None:
        """`counts_latest`: whether a one-way call counts itself when it is judged to be spam."""
        self.size = min(size, MOST_MAPPED)
        self.one_way_space = self.size // 2
        """Bytes that one-way calls may still take. binder_alloc_mmap_handler."""
        self.buffers = [Buffer(0, self.size)]
        """All pieces, by address."""
        self.spam_detected = False
        self.choose = choose
        self.counts_latest = counts_latest

    @property
    def used(self) -> list[Buffer]:
        """Those in use, by address."""
        return [each for each in self.buffers if not each.free]
