"""What a sequence diagram consists of: threads side by side, and transactions between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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


class Drawable(Protocol):
    """A diagram, as it is drawn."""

    @property
    def lifelines(self) -> Sequence[Lifeline]:
        """From left to right."""
        ...

    @property
    def arrows(self) -> Sequence[Arrow]:
        """From top to bottom."""
        ...

    @property
    def note(self) -> str:
        """Above it; empty for none."""
        ...

    def processes(self) -> list[list[Lifeline]]:
        """The lifelines of each process."""
        ...


def process_title(lifeline: Lifeline) -> str:
    """The process's name and id."""
    return f"{lifeline.name or 'process'} ({'?' if lifeline.process is None else lifeline.process})"


def thread_title(lifeline: Lifeline) -> str:
    """The thread's id; a transaction that no thread received has none."""
    return "no thread" if lifeline.thread is None else f"thread {lifeline.thread}"
