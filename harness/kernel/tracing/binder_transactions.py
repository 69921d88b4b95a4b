"""Turns the binder driver's trace events into transactions: who sent what to whom, and when.

The tracepoints are those of drivers/android/binder_trace.h (Linux 5.4 to 6.12). They name neither the
interface nor the sender's process: the first comes from a probe if the kernel accepts one, the second from
the trace, else from other transactions of the same thread.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Argument, Kprobe

EVENTS = (
    "binder:binder_transaction",
    "binder:binder_transaction_alloc_buf",
    "binder:binder_transaction_received",
)
"""The events that `parse_hops` reads."""

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
            user_offset=8 * number,
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
class Hop:
    """One transaction or reply; times in seconds on the recording's clock, sizes in bytes."""

    number: int
    """The driver's debug id of the transaction."""
    sender: End
    receiver: End
    node: int
    """The driver's debug id of the called node; 0 in a reply."""
    code: int
    reply: bool
    one_way: bool
    sent: float
    received: float | None = None
    """When a thread of the receiver took it; None if none did during the recording."""
    data_size: int | None = None
    """None if the driver refused the transaction, and so allocated no buffer."""
    offsets_size: int = 0
    interface: str | None = None
    """The name in the data's interface token; for a reply, that of its call."""
    answers: int | None = None
    """The number of the call that a reply answers, if the call was recorded."""
    cause: int | None = None
    """The number of the transaction that the sending thread was handling."""

    @property
    def latency(self) -> float | None:
        """Seconds from the sender to the receiver's thread."""
        return None if self.received is None else self.received - self.sent


def parse_hops(events: Iterable[TraceEvent]) -> tuple[Hop, ...]:
    """The transactions in the events, in the order in which they were sent."""
    collector = _Collector()
    for event in events:
        collector.take(event)
    return collector.hops()


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


class _Collector:
    """Tracks what each thread handles, to find the cause of each hop and the call of each reply."""

    def __init__(self) -> None:
        self._hops: dict[int, Hop] = {}
        self._processes: dict[int, int] = {}
        self._interfaces: dict[int, str | None] = {}
        self._handling: dict[int, list[int]] = {}

    def take(self, event: TraceEvent) -> None:
        """Take one event into account; events of other kinds are skipped."""
        if event.process is not None:
            self._processes[event.tid] = event.process
        if event.name == BEGINNING.event:
            words = [event.fields.get(label, 0) for label in _WORD_LABELS]
            self._interfaces[event.tid] = interface_named(_packed(words))
            return
        number = event.fields.get("transaction")
        if not isinstance(number, int):
            return
        match event.name:
            case "binder_transaction":
                self._sent(number, event)
            case "binder_transaction_alloc_buf" if number in self._hops:
                self._hops[number] = replace(
                    self._hops[number],
                    data_size=_integer(event, "data_size"),
                    offsets_size=_integer(event, "offsets_size"),
                )
            case "binder_transaction_received":
                self._received(number, event)

    def hops(self) -> tuple[Hop, ...]:
        """All hops, with what later events showed about their ends."""
        hops = [
            replace(hop, sender=replace(hop.sender, process=self._processes.get(hop.sender.thread or 0)))
            for hop in self._hops.values()
        ]
        names = {end.process: end.name for hop in hops for end in (hop.receiver, hop.sender) if end.name}
        return tuple(
            replace(hop, receiver=replace(hop.receiver, name=names.get(hop.receiver.process, "")))
            for hop in hops
        )

    def _sent(self, number: int, event: TraceEvent) -> None:
        flags = _integer(event, "flags")
        reply = bool(_integer(event, "reply"))
        handled = self._handling.setdefault(event.tid, [])
        cause = handled[-1] if handled else None
        interface = self._interfaces.pop(event.tid, None)
        if reply:
            call = self._hops.get(cause) if cause is not None else None
            interface = call.interface if call else None
            if handled:
                handled.pop()
        target_process, target_thread = _integer(event, "dest_proc"), _integer(event, "dest_thread")
        if target_thread:
            self._processes[target_thread] = target_process
        self._hops[number] = Hop(
            number=number,
            sender=End(None, event.tid, event.task),
            receiver=End(target_process, target_thread or None),
            node=_integer(event, "dest_node"),
            code=_integer(event, "code"),
            reply=reply,
            one_way=bool(flags & TF_ONE_WAY) and not reply,
            sent=event.timestamp,
            interface=interface,
            answers=cause if reply else None,
            cause=None if reply else cause,
        )

    def _received(self, number: int, event: TraceEvent) -> None:
        hop = self._hops.get(number)
        handled = self._handling.setdefault(event.tid, [])
        # A one-way transaction has no reply: it ends when its thread takes the next.
        while handled and self._hops[handled[-1]].one_way and not (hop and hop.reply):
            handled.pop()
        if hop is None:
            return
        self._hops[number] = replace(
            hop,
            received=event.timestamp,
            receiver=replace(hop.receiver, thread=event.tid, name=event.task),
        )
        if hop.receiver.process is not None:
            self._processes[event.tid] = hop.receiver.process
        if not hop.reply:
            handled.append(number)


def _integer(event: TraceEvent, name: str) -> int:
    value = event.fields.get(name, 0)
    return value if isinstance(value, int) else 0


def _packed(words: Sequence[int | str]) -> bytes:
    """The words as they were in memory, up to the first that could not be read."""
    numbers: list[int] = []
    for word in words:
        if not isinstance(word, int):
            break
        numbers.append(word)
    return struct.pack(f"<{len(numbers)}Q", *numbers)
