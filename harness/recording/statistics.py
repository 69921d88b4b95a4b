"""What a recording comes to: how often, how long, how large, by caller, callee and method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.framework.transaction_codes import CodeNames
from harness.kernel.tracing.binder_transactions import ALLOCATED, RELEASED, SENT, Hop, base_name
from harness.kernel.tracing.events import TraceEvent
from harness.recording.histogram import Histogram
from harness.recording.hops import method_of

MOST_ROWS = 2000
"""Rows, beyond which everything else is counted in one."""
MOST_BUFFERS = 100_000
"""Buffers that are followed at a time."""
OTHERS = "(others)"
ENDED = "sched_process_exit"
"""The event at a thread's end: of a process's first thread, its `pid` is the process."""


class Key(NamedTuple):
    """What a row is about."""

    caller: str
    """The name of the process, not its id: many processes may have it, one after the other."""
    callee: str
    interface: str
    """Empty where it is unknown."""
    method: str = ""
    """Its name, or `code N`."""


@dataclass(slots=True)
class Row:
    """Transactions of one kind."""

    calls: int = 0
    """Those that wait for a reply."""
    one_way: int = 0
    failures: int = 0
    """Calls, replies and one-way transactions that the driver failed."""
    bytes: int = 0
    """Of the data of calls and one-way transactions, as far as the driver shows sizes."""
    largest: int = 0
    round_trips: Histogram = field(default_factory=Histogram)
    """Seconds from a call to its reply."""
    deliveries: Histogram = field(default_factory=Histogram)
    """Seconds from sending a call or one-way transaction until a thread of the receiver took it."""

    @property
    def count(self) -> int:
        """Calls and one-way transactions."""
        return self.calls + self.one_way

    def add(self, other: Row) -> None:
        """Add what another row has."""
        self.calls += other.calls
        self.one_way += other.one_way
        self.failures += other.failures
        self.bytes += other.bytes
        self.largest = max(self.largest, other.largest)
        self.round_trips.add_all(other.round_trips)
        self.deliveries.add_all(other.deliveries)


@dataclass(slots=True)
class Held:
    """The buffers of one process that are filled and not freed."""

    count: int = 0
    bytes: int = 0
    most_bytes: int = 0
    """The most at a time."""


class Statistics:
    """Counts transactions as they are recorded."""

    def __init__(self, names: CodeNames) -> None:
        self._names = names
        self.rows: dict[Key, Row] = {}
        self.transactions = 0
        """Calls, one-way transactions and replies."""

    def add(self, hops: Iterable[Hop]) -> None:
        """Count some."""
        for hop in hops:
            self.transactions += 1
            if hop.reply:
                self._add_reply(hop)
            else:
                self._add_sent(hop)

    def by_interface(self) -> dict[Key, Row]:
        """The rows of all methods of an interface together."""
        merged: dict[Key, Row] = {}
        for key, row in self.rows.items():
            merged.setdefault(key._replace(method=""), Row()).add(row)
        return merged

    def _add_sent(self, hop: Hop) -> None:
        row = self._row(str(hop.sender.name), str(hop.receiver.name), hop.interface, hop.code)
        if hop.one_way:
            row.one_way += 1
        else:
            row.calls += 1
        if hop.failure is not None:
            row.failures += 1
        if hop.data_size is not None:
            row.bytes += hop.data_size
            row.largest = max(row.largest, hop.data_size)
        if hop.latency is not None:
            row.deliveries.add(hop.latency)

    def _add_reply(self, hop: Hop) -> None:
        if hop.call_code is None:  # its call was before the recording
            return
        row = self._row(hop.receiver.name, hop.sender.name, hop.interface, hop.call_code)
        if hop.failure is not None:
            row.failures += 1
        elif hop.round_trip is not None:
            row.round_trips.add(hop.round_trip)

    def _row(self, caller: str, callee: str, interface: str | None, code: int) -> Row:
        key = Key(caller, callee, interface or "", method_of(self._names, interface, code))
        if key not in self.rows and len(self.rows) >= MOST_ROWS:
            key = Key(OTHERS, OTHERS, "")
        return self.rows.setdefault(key, Row())


class HeldBuffers:
    """The buffers that are in use, by receiving process; the driver in Rust shows none."""

    def __init__(self) -> None:
        self._sent: dict[int, tuple[int, int]] = {}
        """By thread: the last transaction, and the process that it is for."""
        self._buffers: dict[int, tuple[int, int]] = {}
        """By transaction: the process, and the bytes."""
        self.processes: dict[int, Held] = {}

    def take(self, event: TraceEvent) -> None:
        """Take one event into account; others are skipped."""
        number, name = event.fields.get("transaction"), base_name(event.name)
        if name == ENDED:
            self._ended(event.fields.get("pid"))
        if not isinstance(number, int):
            return
        if name == SENT:
            process = event.fields.get("dest_proc")
            if isinstance(process, int):
                self._sent[event.tid] = number, process
        elif name == ALLOCATED and len(self._buffers) < MOST_BUFFERS:
            sent, process = self._sent.get(event.tid, (None, 0))
            if sent != number:
                return
            sizes = (event.fields.get(f"{part}_size", 0) for part in ("data", "offsets", "extra_buffers"))
            size = sum(each for each in sizes if isinstance(each, int))
            self._buffers[number] = process, size
            held = self.processes.setdefault(process, Held())
            held.count += 1
            held.bytes += size
            held.most_bytes = max(held.most_bytes, held.bytes)
        elif name in RELEASED and number in self._buffers:
            process, size = self._buffers.pop(number)
            self.processes[process].count -= 1
            self.processes[process].bytes -= size

    def _ended(self, process: int | str | None) -> None:
        """A process has ended, and its mapping with it: the driver shows no buffer of it as released."""
        held = self.processes.pop(process, None) if isinstance(process, int) else None
        if held is not None and held.count:
            self._buffers = {
                number: (owner, size) for number, (owner, size) in self._buffers.items() if owner != process
            }
