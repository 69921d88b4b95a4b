"""Binder's own records of processes: what its files `state`, `transactions` and `proc/PID` say, typed.

The forms come from print_binder_* in drivers/android/binder.c and binder_alloc.c (Linux 5.4 to 6.18,
Android's additions included) and from debug_print in drivers/android/binder/*.rs (Linux 6.18). What a
kernel does not print is None; lines of no known form are kept as they are. binder_parser makes these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag

from harness.kernel.concise import Concise, counted


class LooperState(IntFlag):
    """What a thread has told the driver and what it is doing.

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
    """What has become of a buffer."""

    ACTIVE = "active"
    """Belongs to a transaction under way (C driver)."""
    DELIVERED = "delivered"
    """Its transaction is over; the receiver has not freed it yet (C driver)."""
    RESERVED = "reserved"
    """Being filled by the sender, or being freed (Rust driver)."""
    ALLOCATED = "allocated"
    """Filled, not freed yet (Rust driver)."""


@dataclass(frozen=True, slots=True, repr=False)
class Transaction(Concise):
    """A transaction in flight, seen from one of its ends."""

    role: str
    """`incoming`, `outgoing`, `pending`, `pending async`, or `bad`."""
    debug_id: int
    from_pid: int
    """The sender; older C drivers print 0 for a one-way call, and where the sender is gone."""
    from_tid: int
    to_pid: int
    to_tid: int | None
    """0 while no thread has taken it."""
    code: int
    flags: int
    """TF_* bits."""
    scheduling_policy: int | None
    """Android's kernels only."""
    priority: int | None
    needs_reply: bool | None
    """Whether the sender waits for a reply."""
    is_reply: bool | None
    """Printed by the latest C drivers only, which print no needs_reply: there it follows from the others."""
    is_async: bool | None
    elapsed_ms: int | None
    node: int | None
    """The debug id of the target node; None for a reply, and at the sender's end."""
    data_size: int | None
    """Bytes; None at the sender's end."""
    offsets_size: int | None
    offset: int | None
    """Where the payload starts in the receiver's mapping."""
    hashed_pointer: int | None
    """What older kernels print in place of the offset: of no use but to compare."""
    buffer_freed: bool
    other: str
    """What the kernel prints after all this, if anything."""


@dataclass(frozen=True, slots=True, repr=False)
class Thread(Concise):
    """A thread that has used the driver."""

    tid: int
    looper: LooperState
    need_return: bool | None
    temporary_references: int | None
    other: dict[str, str]
    """Figures this module has no name for."""
    transactions: tuple[Transaction, ...]
    """Its transaction stack, innermost first, then what is pending for it."""
    work: tuple[str, ...]
    """Other work pending for it, as printed: `transaction complete`, `node work 12: …`, …"""


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
    """The owner was told BR_ACQUIRE."""
    has_weak_reference: bool
    """The owner was told BR_INCREFS."""
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
    """The pids of the processes that have a handle on it, once for each."""
    other: dict[str, str]
    """Figures this module has no name for."""
    transactions: tuple[Transaction, ...]
    """One-way calls that wait for the one under way to be freed."""
    work: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Reference(Concise):
    """A handle that a process has on somebody's node."""

    debug_id: int
    handle: int
    node: int
    """The node's debug id."""
    node_dead: bool
    strong: int
    weak: int
    death_notification: int | None
    """The driver's pointer to the request, hashed. 0 says none, or that kptr_restrict is 2; before
    Linux 5.7 a hash is printed for none as well. The Rust driver prints nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class Buffer(Concise):
    """A part of a process's mapping in use."""

    debug_id: int | None
    """The transaction's; the Rust driver prints 0 or nothing."""
    offset: int | None
    """Bytes from the start of the mapping; None where the kernel prints a pointer instead."""
    hashed_pointer: int | None
    """The pointer, hashed: of no use but to compare."""
    data_size: int
    """Bytes of payload; in the Rust driver, of everything."""
    offsets_size: int | None
    extra_size: int | None
    state: BufferState
    sender: int | None
    """The calling process (Rust driver)."""
    oneway: bool | None
    """Whether it counts against the one-way space (Rust driver)."""


@dataclass(frozen=True, slots=True, repr=False)
class ProcessBlock(Concise):
    """What the driver keeps for one open file of a process."""

    pid: int
    context: str | None
    """The device's name: `binder`, `hwbinder`, `vndbinder`."""
    threads: tuple[Thread, ...]
    nodes: tuple[Node, ...]
    references: tuple[Reference, ...]
    buffers: tuple[Buffer, ...]
    transactions: tuple[Transaction, ...]
    """What is pending for any of its threads."""
    work: tuple[str, ...]
    """Other work pending for the process, as printed."""
    unknown_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """All of Binder's records: one file of the driver, parsed."""

    processes: tuple[ProcessBlock, ...]
    dead_nodes: tuple[Node, ...]
    """Nodes whose owner is gone while others still hold handles."""
    unknown_lines: tuple[str, ...]
    """Lines of no known form that stand outside every process block."""

    def __repr__(self) -> str:
        pids = {block.pid for block in self.processes}
        dead = [counted(len(self.dead_nodes), "dead node")] if self.dead_nodes else []
        return f"<State: {', '.join([counted(len(pids), 'process'), contents_of(self.processes), *dead])}>"

    def of_process(self, pid: int) -> tuple[ProcessBlock, ...]:
        """The blocks of one process: one for each time it opened a Binder device."""
        return tuple(block for block in self.processes if block.pid == pid)


def contents_of(blocks: Sequence[ProcessBlock]) -> str:
    """How much there is in these blocks, in words."""
    kinds = {"thread": "threads", "node": "nodes", "handle": "references", "buffer": "buffers"}
    return ", ".join(
        counted(sum(len(getattr(block, field)) for block in blocks), kind) for kind, field in kinds.items()
    )
