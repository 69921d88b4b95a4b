"""The events of the binder driver that show its transactions, and a transaction as they show it.

The tracepoints are those of drivers/android/binder_trace.h (Linux 5.4 to 7.3), and those of the driver in
Rust (drivers/android/binder/rust_binder_events.h, Linux 6.18 to 7.3), which has fewer and, in some kernels,
another prefix. They name neither the interface nor the sender's process: the first comes from a probe if the
kernel accepts one, the second from the trace, else from other transactions of the same thread.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.architecture import Architecture
from emulator.base.errors import UsageError
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Argument, Kprobe
from harness.kernel.tracing.written_commands import written_probe

if TYPE_CHECKING:
    from harness.kernel.tracing.tracer import Tracer

SENT = "binder_transaction"
ALLOCATED = "binder_transaction_alloc_buf"
RECEIVED = "binder_transaction_received"
RETURNED = "binder_return"
RELEASED = ("binder_transaction_buffer_release", "binder_transaction_failed_buffer_release")
GROUPS = ("binder", "rust_binder")
"""The groups of the two drivers' events."""
_RUST = "rust_"
"""Before the names of events of the Rust driver, in some kernels."""

RENAMED = {
    "debug_id": "transaction",
    "target_node": "dest_node",
    "to_proc": "dest_proc",
    "to_thread": "dest_thread",
}
"""The names that fields have in the text of a trace, by those in their records."""

FAILURES = {
    0x7205: "BR_DEAD_REPLY",
    0x7211: "BR_FAILED_REPLY",
    0x7212: "BR_FROZEN_REPLY",
}
"""The return commands by which the driver fails a transaction (include/uapi/linux/android/binder.h)."""
FAILED = " || ".join(f"cmd == {number}" for number in FAILURES)
"""A filter for binder_return."""

TF_ONE_WAY = 0x01
_WORDS = 24
_BUFFER_OFFSET = 48
_WORD_LABELS = tuple(f"word_{number}" for number in range(_WORDS))

BEGINNING = Kprobe(
    "binder_transaction",
    tuple(
        Argument(
            "tr",
            position=3,
            type="x64",
            member="data.ptr.buffer",
            offset=_BUFFER_OFFSET,
            user_offsets=(8 * number,),
            label=label,
        )
        for number, label in enumerate(_WORD_LABELS)
    ),
    name="binder_transaction_beginning",
)
"""The first 192 bytes of each transaction's data, from the sender's memory: they name the interface."""

_HEADERS = (12, 8, 4)
"""Bytes of an interface token before the name: Android 11 and later, 10, up to 9."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a hop; None for what the trace does not show."""

    process: int | None
    thread: int | None
    """None for a receiver until a thread has taken the transaction."""
    name: str = ""
    """The process's name, or else the thread's."""

    def __str__(self) -> str:
        return f"{self.name or 'process'} ({'?' if self.process is None else self.process})"


@dataclass(frozen=True, slots=True)
class Failure:
    """How the driver failed a transaction."""

    command: str
    """What it returned to the sender, such as BR_FAILED_REPLY; `refused` where only the lack of a buffer
    shows that it failed.
    """
    time: float
    """In seconds on the recording's clock."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One transaction or reply; times in seconds on the recording's clock, sizes in bytes."""

    number: int
    """The driver's debug id of the transaction; 0 for the driver's own failed reply."""
    sender: End
    receiver: End
    node: int
    """The driver's debug id of the called node; 0 in a reply, and, in Rust, also of the first node of all."""
    code: int
    reply: bool
    one_way: bool
    sent: float
    received: float | None = None
    """When a thread of the receiver took it; None if none did during the recording."""
    data_size: int | None = None
    """None if the driver failed the transaction before it had a buffer, or no sizes were recorded."""
    offsets_size: int = 0
    interface: str | None = None
    """The name in the data's interface token; for a reply, that of its call."""
    answers: int | None = None
    """The number of the call that a reply answers, if the call was recorded."""
    cause: int | None = None
    """The number of the transaction that the sending thread was handling."""
    flags: int = 0
    """TF_ONE_WAY and the other flags of the transaction."""
    failure: Failure | None = None
    call_code: int | None = None
    """The code of the call that a reply answers, if it was recorded."""
    call_sent: float | None = None
    """When that call was sent."""

    @property
    def round_trip(self) -> float | None:
        """Of a reply that was received: seconds from the sending of its call."""
        return None if self.received is None or self.call_sent is None else self.received - self.call_sent

    @property
    def latency(self) -> float | None:
        """Seconds from the sender to the receiver's thread."""
        return None if self.received is None else self.received - self.sent


def transaction_events(tracer: Tracer, *wanted: str) -> tuple[str, ...]:
    """Those of the wanted events that this kernel's drivers have, in C and in Rust, each as SYSTEM:EVENT.

    Raises UsageError where it has no event for a transaction.
    """
    events = tuple(
        event
        for group in GROUPS
        for event in tracer.events(group)
        if base_name(event.partition(":")[2]) in wanted
    )
    if not shows(events, SENT):
        raise UsageError(
            f"This kernel's binder driver has no event for transactions: {tracer.location}/events has "
            f"{' and '.join(GROUPS)} without {SENT}, or neither. Transactions cannot be recorded here."
        )
    return events


def transaction_probes(tracer: Tracer, architecture: Architecture, events: Iterable[str]) -> list[Kprobe]:
    """The probes that show of transactions what these events do not, of those that the kernel accepts."""
    wanted = [BEGINNING] if shows(events, ALLOCATED) else [BEGINNING, written_probe(architecture)]
    return list(filter(tracer.can_probe, wanted))


def shows(events: Iterable[str], wanted: str) -> bool:
    """Whether one of the events (SYSTEM:EVENT) is the wanted one, of either driver."""
    return any(base_name(event.partition(":")[2]) == wanted for event in events)


def failure_filters(events: Iterable[str]) -> dict[str, str]:
    """The filters with which binder_return, if it is one of these events, is recorded for failures only."""
    return {event: FAILED for event in events if base_name(event.partition(":")[2]) == RETURNED}


def base_name(event: str) -> str:
    """The name of an event as the driver in C has it."""
    return event.removeprefix(_RUST)


def interface_named(beginning: bytes) -> str | None:
    """The interface name in the first bytes of a transaction of any Android release."""
    for start in _HEADERS:
        if len(beginning) < start + 4:
            continue
        (length,) = struct.unpack_from("<i", beginning, start)
        encoded = beginning[start + 4 : start + 4 + 2 * length + 2] if length > 0 else b""
        if len(encoded) != 2 * length + 2 or encoded[-2:] != b"\0\0":
            continue
        name = encoded[:-2].decode("utf-16-le", "replace")
        if name.isascii() and name.isprintable() and " " not in name:
            return name
    return None


def interface_in(event: TraceEvent) -> str | None:
    """The interface that a BEGINNING names."""
    return interface_named(_packed([event.fields.get(label, 0) for label in _WORD_LABELS]))


def _packed(words: Sequence[int | str]) -> bytes:
    """The words as they were in memory, up to the first that could not be read."""
    numbers: list[int] = []
    for word in words:
        if not isinstance(word, int):
            break
        numbers.append(word)
    return struct.pack(f"<{len(numbers)}Q", *numbers)
