"""Shows the path of an action through Binder: every transaction it caused, from process to process.

with record_transactions(device) as record:
    client.transact(handle, code, data)
print(record.hops.caused_by(client_process.pid).text())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.argument_types import checked_methods
from harness.framework.transaction_codes import CodeNames, code_names
from harness.kernel.tracing.binder_transactions import End, Hop
from harness.kernel.tracing.recording import Lost
from harness.recording.diagram_parts import Arrow, ArrowKind, Lifeline
from harness.recording.sequence_diagram import SequenceDiagram

MOST_SHOWN = 20
"""Transactions that a prompt shows."""
NOTHING_LOST = Lost(0, 0, 0)


@checked_methods
@dataclass(frozen=True, slots=True, repr=False)
class Hops:
    """Transactions in the order in which they were sent, and how many events were lost."""

    hops: tuple[Hop, ...]
    lost: Lost = NOTHING_LOST
    names: CodeNames = code_names
    left_out: int = 0
    """How many later transactions were recorded that are not here."""

    def __iter__(self) -> Iterator[Hop]:
        return iter(self.hops)

    def __len__(self) -> int:
        return len(self.hops)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        """The first transactions, a line for each, as a prompt shows them."""
        shown = replace(self, hops=self.hops[:MOST_SHOWN]).text()
        more = len(self.hops) - MOST_SHOWN
        return f"{shown}\n… and {more:,} more" if more > 0 else shown

    def caused_by(self, *processes: int) -> Hops:
        """What these processes (by id) sent on their own, and every transaction that this caused.

        A transaction is caused by the one that its thread was handling, a reply by its call. Work that a
        receiver passes to another of its threads is not traced: see `involving`.
        """
        caused: set[int] = set()
        for hop in self.hops:
            cause = hop.answers if hop.reply else hop.cause
            own = cause is None and hop.sender.process in processes and not hop.reply
            if own or cause in caused:
                caused.add(hop.number)
        return self._only(lambda hop: hop.number in caused)

    def involving(self, *processes: int) -> Hops:
        """The transactions that these processes sent or received."""
        return self._only(lambda hop: hop.sender.process in processes or hop.receiver.process in processes)

    def naming(self, names: Mapping[int, str]) -> Hops:
        """The same transactions with these process names, by id."""
        return replace(self, hops=tuple(_renamed(hop, names) for hop in self.hops))

    def without_replies(self) -> Hops:
        """Calls and one-way transactions only."""
        return self._only(lambda hop: not hop.reply)

    def called(self, hop: Hop) -> str:
        """What a hop calls: the interface, where known, and the code's name or number."""
        return called(hop, self.names)

    def text(self) -> str:
        """One line for each hop, times in milliseconds from the first one."""
        if not self.hops:
            return "\n".join([*self._loss(), "no transaction was recorded"])
        start = self.hops[0].sent
        lines = [line_of(hop, start, self.names) for hop in self.hops]
        return "\n".join([*self._loss(), *lines])

    def diagram(self) -> SequenceDiagram:
        """A sequence diagram with a lifeline for each thread; see its `mermaid`, `svg` and `save`."""
        ends = [end for hop in self.hops for end in (hop.sender, hop.receiver)]
        processes = list(dict.fromkeys(end.process for end in ends))
        threads = list(dict.fromkeys((end.process, end.thread) for end in ends))
        threads.sort(key=lambda thread: processes.index(thread[0]))
        names = {end.process: end.name for end in ends if end.name}
        start = self.hops[0].sent if self.hops else 0.0
        return SequenceDiagram(
            lifelines=tuple(Lifeline(*thread, names.get(thread[0], "")) for thread in threads),
            arrows=tuple(
                Arrow(
                    sender=threads.index((hop.sender.process, hop.sender.thread)),
                    receiver=threads.index((hop.receiver.process, hop.receiver.thread)),
                    kind=_kind(hop),
                    interface=None if hop.reply else _short(hop.interface),
                    called=_method(hop, self.names),
                    size=hop.data_size,
                    sent=round((hop.sent - start) * 1000, 3),
                    latency=None if hop.latency is None else round(hop.latency * 1000, 3),
                    failure="" if hop.failure is None else hop.failure.command,
                )
                for hop in self.hops
            ),
            note=" ".join(self._loss()),
        )

    def mermaid(self) -> str:
        """The sequence diagram in Mermaid's language."""
        return self.diagram().mermaid()

    def svg(self) -> str:
        """The sequence diagram as an `<svg>` element, which can be its own file or part of a page."""
        return self.diagram().svg()

    def _repr_svg_(self) -> str:
        return self.svg()  # for notebooks

    def save(self, path: str | Path) -> None:
        """Write the sequence diagram to a file, as `SequenceDiagram.save` does: .svg, .mmd or .mermaid."""
        self.diagram().save(path)

    def _only(self, condition: Callable[[Hop], bool]) -> Hops:
        return replace(self, hops=tuple(filter(condition, self.hops)))

    def _loss(self) -> list[str]:
        left_out = [f"{self.left_out:,} later transactions are left out"] if self.left_out else []
        return [*loss_lines(self.lost), *left_out]


def called(hop: Hop, names: CodeNames) -> str:
    """What a hop calls: the interface, where known, and the code's name or number."""
    interface = None if hop.reply else _short(hop.interface)
    return f"{interface}.{_method(hop, names)}" if interface else _method(hop, names)


def method_of(names: CodeNames, interface: str | None, code: int) -> str:
    """The name of a code, or `code N`."""
    return names(interface, code) or f"code {code}"


def line_of(hop: Hop, start: float, names: CodeNames) -> str:
    """A hop as a line of text, its time in milliseconds since `start`."""
    node = "" if hop.reply else f" to node {hop.node}"
    kind = " one-way" if hop.one_way else ""
    return (
        f"{(hop.sent - start) * 1000:9.3f} ms  {_at(hop.sender)} → {_at(hop.receiver)}: "
        f"{called(hop, names)}{kind}{node}, {_size(hop)}{_latency(hop)}"
    )


def _at(end: End) -> str:
    return f"{end}" if end.thread is None else f"{end} thread {end.thread}"


def loss_lines(lost: Lost) -> list[str]:
    """How incomplete a recording is; no line if it is complete."""
    if not lost:
        return []
    return [
        f"INCOMPLETE: {lost.overwritten:,} events overwritten, {lost.dropped:,} dropped, "
        f"{lost.missed_hits:,} probe hits missed; record with a larger buffer_kib"
    ]


def _method(hop: Hop, names: CodeNames) -> str:
    return "reply" if hop.reply else method_of(names, hop.interface, hop.code)


def _renamed(hop: Hop, names: Mapping[int, str]) -> Hop:
    sender, receiver = (
        replace(end, name=names.get(end.process or 0) or end.name) for end in (hop.sender, hop.receiver)
    )
    return replace(hop, sender=sender, receiver=receiver)


def _kind(hop: Hop) -> ArrowKind:
    return ArrowKind.REPLY if hop.reply else ArrowKind.ONE_WAY if hop.one_way else ArrowKind.CALL


def _short(interface: str | None) -> str | None:
    """The last part of an interface's name."""
    return None if interface is None else interface.rpartition(".")[2]


def _size(hop: Hop) -> str:
    if hop.failure is not None:
        return hop.failure.command
    return "size unknown" if hop.data_size is None else f"{hop.data_size:,} bytes"


def _latency(hop: Hop) -> str:
    return "" if hop.latency is None else f", {hop.latency * 1000:.3f} ms"
