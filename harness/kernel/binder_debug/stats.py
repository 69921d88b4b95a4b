"""Binder's counters: the driver's file `stats`, for the system and for each open file of each process.

The format is that of print_binder_stats and print_binder_proc_stats in drivers/android/binder.c (Linux 3.10
to 7.3) and debug_print_stats in drivers/android/binder/process.rs (Linux 6.18).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.kernel.binder_debug.lines import Line, numbered


@dataclass(frozen=True, slots=True)
class ObjectCount:
    """How many of the driver's objects of one kind exist, and how many were created since boot."""

    active: int
    total: int


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts of commands, returns and objects; kinds that never occurred are absent."""

    commands: dict[str, int]
    """BC_* commands that processes wrote."""
    returns: dict[str, int]
    """BR_* codes that the driver returned to processes."""
    objects: dict[str, ObjectCount]
    """proc, thread, node, ref, death, transaction, … (C driver)."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of a mapping. Their sum is the mapping's size in pages; 0:0:0 once it is unmapped."""

    active: int
    """Used by a buffer."""
    lru: int
    """Free, but still mapped until the shrinker reclaims them."""
    free: int
    """Without a page frame."""


@dataclass(frozen=True, slots=True)
class ThreadPool:
    """The line `requested threads: A+B/C`."""

    requested: int
    """Requested with BR_SPAWN_LOOPER and not registered yet."""
    started: int
    """Registered with BC_REGISTER_LOOPER."""
    maximum: int
    """BINDER_SET_MAX_THREADS."""


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """The counters of one open file; None for a counter that this driver does not print."""

    pid: int
    context: str | None
    threads: int | None
    pool: ThreadPool | None
    ready_threads: int | None
    """Waiting for work (C driver)."""
    free_oneway_space: int | None
    """Bytes left for one-way calls: `free async space`, in the Rust driver `free oneway space`."""
    nodes: int | None
    references: int | None
    strong_references: int | None
    weak_references: int | None
    buffers: int | None
    pages: Pages | None
    """C driver."""
    pages_high_watermark: int | None
    """The most pages in use at once (C driver)."""
    pending_transactions: int | None
    """Waiting for any thread of the process (C driver)."""
    outstanding_transactions: int | None
    """Received and not yet finished (Rust driver)."""
    counters: Counters
    unknown_lines: tuple[str, ...]
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The file `stats`."""

    counters: Counters
    """Of the whole system since boot."""
    processes: tuple[ProcessStats, ...]
    unknown_lines: tuple[str, ...]

    def of_process(self, pid: int) -> tuple[ProcessStats, ...]:
        """The counters of one process: one for each time it opened a Binder device."""
        return tuple(process for process in self.processes if process.pid == pid)


_PROCESS = re.compile(r"\s*proc (\d+)\s*")
_FIGURES = tuple(
    re.compile(rf"\s*{pattern}\s*")
    for pattern in (
        r"threads: (?P<threads>\d+)",
        r"requested threads: (?P<requested>\d+)\+(?P<started>\d+)/(?P<maximum>\d+)",
        r"ready threads (?P<ready_threads>\d+)",
        r"free (?:async space|oneway space:) (?P<free_oneway_space>\d+)",
        r"nodes: (?P<nodes>\d+)",
        r"refs: (?P<references>\d+) s (?P<strong>\d+) w (?P<weak>\d+)",
        r"buffers: (?P<buffers>\d+)",
        r"pages: (?P<active>\d+):(?P<lru>\d+):(?P<free>\d+)",
        r"pages high watermark: (?P<pages_high_watermark>\d+)",
        r"pending transactions: (?P<pending_transactions>\d+)",
        r"outstanding transactions: (?P<outstanding_transactions>\d+)",
    )
)
_CONTEXT = re.compile(r"\s*context (?P<context>\S+)\s*")
_COMMAND = re.compile(r" *(?P<name>(?:BC|BR)_\w+): (?P<count>-?\d+)\s*")
_OBJECT = re.compile(r" *(?P<name>\w+): active (?P<active>-?\d+) total (?P<total>-?\d+)\s*")
_HEADING = "binder stats:"


def parse_stats(text: str, *, first_line: int = 1) -> Stats:
    """Parse `stats` of the C or the Rust driver; never fails: lines of unknown format are kept.

    `first_line` is the number of the text's first line.
    """
    outside: list[Line] = []
    blocks: list[list[Line]] = []
    for where, line in numbered(text, first_line):
        if _PROCESS.fullmatch(line):
            blocks.append([])
        if line.strip() != _HEADING:
            (blocks[-1] if blocks else outside).append((where, line))
    counters, unknown = _counters([line for _, line in outside])
    return Stats(counters, tuple(map(_process_stats, blocks)), tuple(unknown))


def _process_stats(lines: list[Line]) -> ProcessStats:
    where, heading = lines[0]
    context: str | None = None
    figures: dict[str, int] = {}
    rest: list[str] = []
    for _, line in lines[1:]:
        match = next(filter(None, (pattern.fullmatch(line) for pattern in _FIGURES)), None)
        if match:
            figures |= {name: int(value) for name, value in match.groupdict().items()}
        elif match := _CONTEXT.fullmatch(line):
            context = match["context"]
        else:
            rest.append(line)
    counters, unknown = _counters(rest)
    pool, pages = None, None
    if "requested" in figures:
        pool = ThreadPool(figures["requested"], figures["started"], figures["maximum"])
    if "active" in figures:
        pages = Pages(figures["active"], figures["lru"], figures["free"])
    return ProcessStats(
        pid=int(heading.split()[1]),
        context=context,
        threads=figures.get("threads"),
        pool=pool,
        ready_threads=figures.get("ready_threads"),
        free_oneway_space=figures.get("free_oneway_space"),
        nodes=figures.get("nodes"),
        references=figures.get("references"),
        strong_references=figures.get("strong"),
        weak_references=figures.get("weak"),
        buffers=figures.get("buffers"),
        pages=pages,
        pages_high_watermark=figures.get("pages_high_watermark"),
        pending_transactions=figures.get("pending_transactions"),
        outstanding_transactions=figures.get("outstanding_transactions"),
        counters=counters,
        unknown_lines=tuple(unknown),
        line=where,
    )


def _counters(lines: list[str]) -> tuple[Counters, list[str]]:
    """The counters in `lines`, and the other lines."""
    counters = Counters({}, {}, {})
    unknown: list[str] = []
    for line in lines:
        if match := _COMMAND.fullmatch(line):
            name = match["name"]
            counts = counters.commands if name.startswith("BC_") else counters.returns
            counts[name] = int(match["count"])
        elif match := _OBJECT.fullmatch(line):
            counters.objects[match["name"]] = ObjectCount(int(match["active"]), int(match["total"]))
        else:
            unknown.append(line)
    return counters, unknown
