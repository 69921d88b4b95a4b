"""Shows the way an action takes through Binder: every transaction it caused, from process to process.

with device.record_transactions() as record:
    client.transact(handle, code, data)
print(record.hops.caused_by(client_process.pid).text())
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.framework.transaction_codes import CodeNames, code_names
from harness.kernel.binder_trace import BEGINNING, EVENTS, Hop, parse_hops
from harness.kernel.files import Files
from harness.kernel.tracing import Lost, Recording

if TYPE_CHECKING:
    from harness.device import Device

NOTHING_LOST = Lost(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Hops:
    """Transactions in the order in which they were sent, and what the recording lacks."""

    hops: tuple[Hop, ...]
    lost: Lost = NOTHING_LOST
    names: CodeNames = code_names

    def __iter__(self) -> Iterator[Hop]:
        return iter(self.hops)

    def __len__(self) -> int:
        return len(self.hops)

    def __str__(self) -> str:
        return self.text()

    def caused_by(self, *processes: int) -> Hops:
        """What these processes (by id) sent of themselves, and all that followed from it.

        A transaction follows from the one that its thread was handling, a reply from its call. What a
        receiver hands to another of its threads first is not seen to follow: see `involving`.
        """
        followed: set[int] = set()
        for hop in self.hops:
            before = hop.answers if hop.reply else hop.cause
            own = before is None and hop.sender.process in processes and not hop.reply
            if own or before in followed:
                followed.add(hop.number)
        return self._only(lambda hop: hop.number in followed)

    def involving(self, *processes: int) -> Hops:
        """What these processes sent or were sent."""
        return self._only(lambda hop: hop.sender.process in processes or hop.receiver.process in processes)

    def without_replies(self) -> Hops:
        """Calls and one-way transactions only."""
        return self._only(lambda hop: not hop.reply)

    def called(self, hop: Hop) -> str:
        """What a hop calls, in words: the interface and the code's name where they are known."""
        if hop.reply:
            return "reply"
        name = self.names(hop.interface, hop.code) or f"code {hop.code}"
        return f"{hop.interface.rpartition('.')[2]}.{name}" if hop.interface else name

    def text(self) -> str:
        """One line for each hop, times in milliseconds from the first one on."""
        if not self.hops:
            return "\n".join([*self._loss(), "no transaction was recorded"])
        start = self.hops[0].sent
        lines = [self._line(hop, start) for hop in self.hops]
        return "\n".join([*self._loss(), *lines])

    def mermaid(self) -> str:
        """A sequence diagram in Mermaid's language: arrows are solid for calls, open for one-way, dashed
        for replies, and end in a cross where the driver refused the transaction.
        """
        lines = ["sequenceDiagram"]
        ends = {end.process: end for hop in self.hops for end in (hop.sender, hop.receiver)}
        lines += [f"    participant {_actor(end.process)} as {_escaped(str(end))}" for end in ends.values()]
        lines += [
            f"    {_actor(hop.sender.process)}{_arrow(hop)}{_actor(hop.receiver.process)}: "
            + _escaped(f"{self.called(hop)}, {_size(hop)}{_latency(hop)}")
            for hop in self.hops
        ]
        if self.hops:
            first = _actor(self.hops[0].sender.process)
            lines += [f"    note over {first}: {_escaped(loss)}" for loss in self._loss()]
        return "\n".join(lines)

    def _only(self, wanted: Callable[[Hop], bool]) -> Hops:
        return replace(self, hops=tuple(filter(wanted, self.hops)))

    def _loss(self) -> list[str]:
        if not self.lost:
            return []
        return [
            f"INCOMPLETE: {self.lost.overwritten} events overwritten, {self.lost.dropped} dropped, "
            f"{self.lost.missed_hits} probe hits missed; record with a larger buffer_kib"
        ]

    def _line(self, hop: Hop, start: float) -> str:
        node = "" if hop.reply else f" to node {hop.node}"
        kind = " one-way" if hop.one_way else ""
        thread = "" if hop.receiver.thread is None else f" thread {hop.receiver.thread}"
        return (
            f"{(hop.sent - start) * 1000:9.3f} ms  {hop.sender} thread {hop.sender.thread} → {hop.receiver}"
            f"{thread}: {self.called(hop)}{kind}{node}, {_size(hop)}{_latency(hop)}"
        )


class HopRecord:
    """What `record_hops` yields: live inside the block, final after it."""

    def __init__(self, recording: Recording, files: Files, names: CodeNames) -> None:
        self._recording = recording
        self._files = files
        self._names = names
        self._process_names: dict[int, str] = {}

    @property
    def hops(self) -> Hops:
        """What was recorded so far."""
        hops = parse_hops(self._recording.events())
        for end in (end for hop in hops for end in (hop.sender, hop.receiver)):
            if end.process is not None and end.process not in self._process_names:
                self._process_names[end.process] = self._name_of(end.process, end.name)
        return Hops(tuple(map(self._named, hops)), self._recording.lost, self._names)

    def _named(self, hop: Hop) -> Hop:
        names = self._process_names
        sender, receiver = (
            replace(end, name=names.get(end.process or 0) or end.name) for end in (hop.sender, hop.receiver)
        )
        return replace(hop, sender=sender, receiver=receiver)

    def _name_of(self, process: int, otherwise: str) -> str:
        """The name of a process's program while it is there: `comm` is cut to 15 characters."""
        try:
            program = self._files.read_text(f"/proc/{process}/cmdline").partition("\0")[0]
        except OSError:
            return otherwise
        return program.rpartition("/")[2] or otherwise


@contextmanager
def record_hops(
    device: Device, *, buffer_kib: int = 4096, names: CodeNames = code_names
) -> Iterator[HopRecord]:
    """Record every transaction on the device during the block; see `Hops` for filters.

    `buffer_kib` is for each processor. Interfaces are named where the kernel takes a probe on the driver.
    Raises TracingMissingError where the kernel cannot be traced, UsageError where its driver has no
    tracepoints.
    """
    probes = [BEGINNING] if device.tracing.can_probe(BEGINNING) else []
    with device.tracing.record(events=EVENTS, kprobes=probes, buffer_kib=buffer_kib) as recording:
        record = HopRecord(recording, device.files, names)
        yield record
        _ = record.hops  # names the processes before they end


def _arrow(hop: Hop) -> str:
    if hop.data_size is None:
        return "-x"
    return "-->>" if hop.reply else "-)" if hop.one_way else "->>"


def _size(hop: Hop) -> str:
    return "refused" if hop.data_size is None else f"{hop.data_size:,} bytes"


def _latency(hop: Hop) -> str:
    return "" if hop.latency is None else f", {hop.latency * 1000:.3f} ms"


def _actor(process: int | None) -> str:
    return "unknown" if process is None else f"p{process}"


def _escaped(text: str) -> str:
    """Text in which Mermaid sees no syntax: it writes such characters by number."""
    return re.sub(r"[^\w .,()/:<>-]", lambda found: f"#{ord(found[0])};", text)
