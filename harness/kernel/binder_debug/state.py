"""The driver's records of processes: the content of its files `state`, `transactions` and `proc/PID`.

The fields are those of print_binder_* in drivers/android/binder.c and binder_alloc.c (Linux 3.10 to 7.3,
including Android's additions) and of debug_print in drivers/android/binder/*.rs (Linux 6.18). A field that a
kernel does not print is None; lines of unknown format are kept. `state_parser` makes these records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntFlag

from harness.kernel.concise import Concise, counted

TF_ONE_WAY = 0x01


class LooperState(IntFlag):
    """A thread's state in the pool of loopers: what it declared to the driver, and what it waits for.

    The C driver's BINDER_LOOPER_STATE_* values; WAITING_PROC, which only the Rust driver has, follows them.
    """

    REGISTERED = 0x01
    ENTERED = 0x02
    EXITED = 0x04
    INVALID = 0x08
    WAITING = 0x10
    POLL = 0x20
    WAITING_PROC = 0x40

    @classmethod
    def from_rust(cls, value: int) -> LooperState:
        """From the Rust driver's bits, where WaitingProc is 0x20 and Poll 0x40 (thread.rs)."""
        swapped = (value & 0x20) << 1 | (value & 0x40) >> 1
        return cls(value & ~0x60 | swapped)


class BufferState(Enum):
    """A buffer's place in its life cycle."""

    ACTIVE = "active"
    """Belongs to a transaction in progress (C driver)."""
    DELIVERED = "delivered"
    """Its transaction has ended; the receiver has not freed it yet (C driver)."""
    RESERVED = "reserved"
    """Being filled by the sender, queued and not yet read, or being freed (Rust driver)."""
    ALLOCATED = "allocated"
    """Read by the receiver, not freed yet (Rust driver)."""


@dataclass(frozen=True, slots=True, repr=False)
class Transaction(Concise):
    """A transaction in flight, seen from one of its ends."""

    role: str
    """`incoming`, `outgoing`, `pending`, `pending async`, or `bad`."""
    debug_id: int
    from_pid: int
    """The sender; older C drivers print 0 for a one-way call, and if the sender is dead."""
    from_tid: int
    to_pid: int
    to_tid: int | None
    """0 until a thread has taken it."""
    code: int
    flags: int | None
    """TF_* bits."""
    scheduling_policy: int | None
    """Android's kernels only."""
    priority: int | None
    needs_reply: bool | None
    """Whether the sender waits for a reply."""
    is_reply: bool | None
    """Printed by the latest C drivers only; needs_reply, which these do not print, is derived from it."""
    is_async: bool | None
    elapsed_ms: int | None
    node: int | None
    """The debug id of the target node; None for a reply, and at the sender's end. The driver in C counts from
    1, the one in Rust from 0: there 0 is an id, such as that of the service manager's node."""
    data_size: int | None
    """Bytes; None at the sender's end."""
    offsets_size: int | None
    offset: int | None
    """Where the payload starts in the receiver's mapping."""
    hashed_pointer: int | None
    """Printed by older kernels in place of the offset: useful for comparison only."""
    buffer_freed: bool
    other: str
    """Any text that the kernel prints after these fields."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""

    @property
    def one_way(self) -> bool:
        """Whether the sender does not wait."""
        return self.is_async if self.is_async is not None else bool((self.flags or 0) & TF_ONE_WAY)


@dataclass(frozen=True, slots=True, repr=False)
class Thread(Concise):
    """A thread that has used the driver."""

    tid: int
    looper: LooperState
    need_return: bool | None
    temporary_references: int | None
    other: dict[str, str]
    """Fields without a name in this module."""
    transactions: tuple[Transaction, ...]
    """Its transaction stack, innermost first, then its pending transactions."""
    work: tuple[str, ...]
    """Its other pending work, as printed: `transaction complete`, `node work 12: …`, …"""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""

    @property
    def is_looper(self) -> bool:
        """Whether it takes the calls that wait for its process."""
        entered = self.looper & (LooperState.REGISTERED | LooperState.ENTERED)
        return bool(entered) and not self.looper & (LooperState.EXITED | LooperState.INVALID)

    @property
    def stack(self) -> tuple[Transaction, ...]:
        """The calls that it makes and handles, innermost first."""
        return tuple(each for each in self.transactions if each.role in ("incoming", "outgoing"))


@dataclass(frozen=True, slots=True, repr=False)
class Node(Concise):
    """An object that a process has sent to others."""

    debug_id: int
    pointer: int
    """The `binder` word of the flat_binder_object; hashed in the *_hashed files."""
    cookie: int
    scheduling_policy: int | None
    priority: int | None
    """The least priority the node asks for (Android's kernels)."""
    has_strong_reference: bool
    """The driver returned BR_ACQUIRE to the owner."""
    has_weak_reference: bool
    """The driver returned BR_INCREFS to the owner."""
    local_strong: int | None
    local_weak: int | None
    internal_strong: int | None
    """Strong references held by other processes' handles and by transactions."""
    internal_weak: int | None
    """How many handles, strong or weak, other processes have."""
    temporary_references: int | None
    strong: int | None
    """The Rust driver's one strong count."""
    weak: int | None
    """The Rust driver's one weak count."""
    holders: tuple[int, ...]
    """The pids of the processes that have a handle to it, each once."""
    other: dict[str, str]
    """Fields without a name in this module."""
    transactions: tuple[Transaction, ...]
    """One-way calls that wait until the buffer of the current one is freed."""
    work: tuple[str, ...]
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True, repr=False)
class Reference(Concise):
    """A handle that a process has to another process's node."""

    debug_id: int
    handle: int
    node: int
    """The node's debug id."""
    node_dead: bool
    strong: int
    weak: int
    death_notification: int | None
    """The driver's pointer to the request, hashed. 0 means none, or that kptr_restrict is 2; before
    Linux 5.7 a hash is printed for none as well. The Rust driver prints nothing."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True, repr=False)
class Buffer(Concise):
    """A used part of a process's mapping."""

    debug_id: int | None
    """The transaction's; None where the Rust driver prints nothing, or 0, which it does for every buffer."""
    offset: int | None
    """Bytes from the start of the mapping; None if the kernel prints a pointer in its place."""
    hashed_pointer: int | None
    """The pointer, hashed: useful for comparison only."""
    data_size: int
    """Bytes of payload; in the Rust driver, of the whole buffer."""
    offsets_size: int | None
    extra_size: int | None
    state: BufferState
    sender: int | None
    """The calling process (Rust driver)."""
    oneway: bool | None
    """Whether it counts against the one-way space (Rust driver)."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True, repr=False)
class ProcessBlock(Concise):
    """The driver's records of one open file of a process."""

    pid: int
    context: str | None
    """The device's name: `binder`, `hwbinder`, `vndbinder`."""
    threads: tuple[Thread, ...]
    nodes: tuple[Node, ...]
    references: tuple[Reference, ...]
    buffers: tuple[Buffer, ...]
    transactions: tuple[Transaction, ...]
    """Pending transactions that any of its threads may take."""
    work: tuple[str, ...]
    """Other work pending for the process, as printed."""
    unknown_lines: tuple[str, ...]
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """One parsed file of the driver: the records of all processes in it."""

    processes: tuple[ProcessBlock, ...]
    dead_nodes: tuple[Node, ...]
    """Nodes of dead processes to which others still have handles."""
    unknown_lines: tuple[str, ...]
    """Lines of unknown format outside of all process blocks."""
    fragment: ProcessBlock | None = None
    """Records whose process the text does not show, as grep leaves them; its pid is 0."""

    def __repr__(self) -> str:
        pids = {block.pid for block in self.processes}
        dead = [counted(len(self.dead_nodes), "dead node")] if self.dead_nodes else []
        return f"<State: {', '.join([counted(len(pids), 'process'), contents_of(self.processes), *dead])}>"

    def of_process(self, pid: int) -> tuple[ProcessBlock, ...]:
        """The blocks of one process: one for each time it opened a Binder device."""
        return tuple(block for block in self.processes if block.pid == pid)


def contents_of(blocks: Sequence[ProcessBlock]) -> str:
    """The number of threads, nodes, handles and buffers in these blocks, as text."""
    kinds = {"thread": "threads", "node": "nodes", "handle": "references", "buffer": "buffers"}
    return ", ".join(
        counted(sum(len(getattr(block, field)) for block in blocks), kind) for kind, field in kinds.items()
    )
