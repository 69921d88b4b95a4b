"""Transactions as a sequence diagram: a value that a result document can keep, and that can be drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby


class ArrowKind(StrEnum):
    """How an arrow is drawn."""

    CALL = "call"
    ONE_WAY = "one-way"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Lifeline:
    """One thread; None for what is not known, as the thread of a process that never took a transaction."""

    process: int | None
    thread: int | None
    name: str
    """The process's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One transaction, in milliseconds from the first one on."""

    sender: int
    receiver: int
    """Places among the lifelines."""
    kind: ArrowKind
    interface: str | None
    """The last part of its name."""
    called: str
    """The code's name or number; of a reply, `reply`."""
    size: int | None
    """Bytes of data; None where the driver refused the transaction."""
    sent: float
    latency: float | None
    """Until a thread of the receiver took it; None where none did while it was recorded."""

    @property
    def label(self) -> str:
        """What is called."""
        return f"{self.interface}.{self.called}" if self.interface else self.called

    @property
    def figures(self) -> str:
        """Bytes and latency, in words."""
        size = "refused" if self.size is None else f"{self.size:,} bytes"
        return size if self.latency is None else f"{size}, {self.latency:.3f} ms"


@dataclass(frozen=True, slots=True)
class SequenceDiagram:
    """Threads side by side, those of one process next to each other, and what they sent, the first on top."""

    lifelines: tuple[Lifeline, ...]
    arrows: tuple[Arrow, ...]
    note: str = ""
    """What the recording lacks, if anything."""

    def processes(self) -> list[list[Lifeline]]:
        """The lifelines of each process, from left to right."""
        return [list(group) for _, group in groupby(self.lifelines, key=lambda line: line.process)]

    def mermaid(self) -> str:
        """In Mermaid's language: arrows are solid for calls, open for one-way, dashed for replies, and end
        in a cross where the driver refused the transaction.
        """
        lines = ["sequenceDiagram"]
        for threads in self.processes():
            lines.append(f"    box transparent {_escaped(process_title(threads[0]))}")
            lines += [
                f"    participant {_actor(thread)} as {_escaped(thread_title(thread))}" for thread in threads
            ]
            lines.append("    end")
        for arrow in self.arrows:
            sender, receiver = self.lifelines[arrow.sender], self.lifelines[arrow.receiver]
            text = _escaped(f"{arrow.label}, {arrow.figures}")
            lines.append(f"    {_actor(sender)}{_mermaid_arrow(arrow)}{_actor(receiver)}: {text}")
        if self.note and self.lifelines:
            lines.append(f"    note over {_actor(self.lifelines[0])}: {_escaped(self.note)}")
        return "\n".join(lines)


def process_title(lifeline: Lifeline) -> str:
    """The process's name and id."""
    return f"{lifeline.name or 'process'} ({'?' if lifeline.process is None else lifeline.process})"


def thread_title(lifeline: Lifeline) -> str:
    """The thread's id; that of a transaction which no thread took is not known."""
    return "no thread" if lifeline.thread is None else f"thread {lifeline.thread}"


def _mermaid_arrow(arrow: Arrow) -> str:
    if arrow.size is None:
        return "-x"
    return {ArrowKind.REPLY: "-->>", ArrowKind.ONE_WAY: "-)", ArrowKind.CALL: "->>"}[arrow.kind]


def _actor(lifeline: Lifeline) -> str:
    return f"p{lifeline.process or 0}t{lifeline.thread or 0}"


def _escaped(text: str) -> str:
    """Text in which Mermaid sees no syntax: it writes such characters by number."""
    return re.sub(r"[^\w .,()/:<>-]", lambda found: f"#{ord(found[0])};", text)
