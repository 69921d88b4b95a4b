"""Transactions as a sequence diagram: a value that a result document can contain and views can draw."""

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
    """One thread; None for what is unknown, as the thread where no thread received the transaction."""

    process: int | None
    thread: int | None
    name: str
    """The process's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One transaction; times are in milliseconds from the first one."""

    sender: int
    receiver: int
    """Indices of the lifelines."""
    kind: ArrowKind
    interface: str | None
    """The last part of its name."""
    called: str
    """The code's name or number; `reply` for a reply."""
    size: int | None
    """Bytes of data; None where the driver failed it before it had a buffer, or shows no sizes."""
    sent: float
    latency: float | None
    """Until a thread of the receiver received it; None where none did during the recording."""
    failure: str | None = None
    """How the driver failed it, such as BR_FAILED_REPLY; empty if it did not. Older documents have None."""

    @property
    def failed(self) -> bool:
        """Whether the driver failed it."""
        return self.size is None if self.failure is None else bool(self.failure)

    @property
    def label(self) -> str:
        """What is called."""
        return f"{self.interface}.{self.called}" if self.interface else self.called

    @property
    def figures(self) -> str:
        """Bytes and latency as text."""
        if self.failed:
            return self.failure or "refused"
        size = "size unknown" if self.size is None else f"{self.size:,} bytes"
        return size if self.latency is None else f"{size}, {self.latency:.3f} ms"


@dataclass(frozen=True, slots=True)
class SequenceDiagram:
    """Threads side by side, grouped by process, and their transactions from top to bottom."""

    lifelines: tuple[Lifeline, ...]
    arrows: tuple[Arrow, ...]
    note: str = ""
    """How incomplete the recording is, if it is."""

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
    """The thread's id; a transaction that no thread received has none."""
    return "no thread" if lifeline.thread is None else f"thread {lifeline.thread}"


def _mermaid_arrow(arrow: Arrow) -> str:
    if arrow.failed:
        return "-x"
    return {ArrowKind.REPLY: "-->>", ArrowKind.ONE_WAY: "-)", ArrowKind.CALL: "->>"}[arrow.kind]


def _actor(lifeline: Lifeline) -> str:
    return f"p{lifeline.process or 0}t{lifeline.thread or 0}"


def _escaped(text: str) -> str:
    """Text without Mermaid's syntax characters, which are written as numbers."""
    return re.sub(r"[^\w .,()/:<>-]", lambda found: f"#{ord(found[0])};", text)
