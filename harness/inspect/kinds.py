"""What a piece of text can be, where it is, and an answer with the lines that show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.kernel.binder_debug.stats import ProcessStats


class Kind(StrEnum):
    """What a piece of text is."""

    STATE = "binder state"
    TRANSACTIONS = "binder transactions"
    PROCESS = "binder proc state"
    STATS = "binder stats"
    TRANSACTION_LOG = "binder transaction log"
    FAILED_LOG = "binder failed transaction log"
    KERNEL_LOG = "kernel log"
    TRACE = "kernel trace"
    BROADCASTS = "dumpsys activity broadcasts"
    SERVICES = "dumpsys activity services"
    SERVICE_LIST = "service list"
    REPLY = "service call"
    INIT = "init file"
    MAPS = "memory mappings"
    DEVICES = "adb devices"
    PROCESSES = "ps"
    ERRORS = "errors"


STATES = (Kind.STATE, Kind.TRANSACTIONS, Kind.PROCESS)
"""The kinds whose value is a State."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a file that is of one kind, read."""

    kind: Kind
    place: Place
    """Its first line."""
    last_line: int
    title: str
    """Its heading in a bug report; empty without one."""
    value: object
    """By kind: State, Stats, TransactionLog, Hops, Broadcasts, Reply, Maps, Listing, or a tuple of
    KernelMessage, BindRecord, ListedService or InitService; of errors, line and text; of ps, how many rows.
    Damaged where it could not be read."""
    transactions: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    """Of a trace, by the number of a transaction: the lines that name it."""

    def at(self, line: int) -> Place:
        """A line of this section's file."""
        return Place(self.place.file, line)


class Question(StrEnum):
    """What an answer answers."""

    ERROR = "What went wrong?"
    WAITS = "Who waits for whom?"
    BUFFERS = "Who holds buffers?"
    LEAKS = "Who leaks?"
    THREADS = "Whose threads are exhausted?"
    FROZEN = "Who is frozen with pending work?"
    DELIVERIES = "Which broadcasts and bindings did not arrive?"
    SLOWEST = "Which transactions were slowest?"
    FOLLOWS = "What follows from it?"


@dataclass(frozen=True, slots=True)
class Answer:
    """A finding, with the lines that show it."""

    question: Question
    sentence: str
    details: tuple[str, ...] = ()
    """Further lines, such as the members of a chain."""
    places: tuple[Place, ...] = ()
    value: object = field(default=None, repr=False)
    """The finding as a typed value: Deadlock, Holder, BufferUse, NodeQueue, Count, Growth, Pool, Frozen, …"""
    weight: float = field(default=0, compare=False, repr=False)
    """How much it matters among the answers to its question."""


StatsOf = Mapping[tuple[int, str | None], ProcessStats]
"""The counters of each open file, by process and device."""
