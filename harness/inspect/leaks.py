"""Who leaks: nodes, handles and death notifications by count, and their growth between two dumps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from harness.framework.dumps.processes import ProcessNames
from harness.inspect.kinds import Answer, Kind, Place, Question
from harness.inspect.snapshot import Snapshot
from harness.kernel.binder_debug.state import ProcessBlock

MANY = 1000
"""A count from which on it is worth a word. Android kills an app of whose objects the system server holds
more than 6,000 (ActivityManagerService, BINDER_PROXY_HIGH_WATERMARK)."""
MOST_SHOWN = 10
WHAT = {
    "nodes": "objects that others hold",
    "references": "handles",
    "deaths": "death notifications",
    "buffers": "buffers",
}


@dataclass(frozen=True, slots=True)
class Count:
    """The records of one open file."""

    pid: int
    context: str | None
    nodes: int
    references: int
    deaths: int
    """Handles with a death notification; 0 too where the kernel hides the pointer to it."""
    buffers: int
    owners: tuple[tuple[int, int], ...]
    """Whose nodes its handles are: process and number, the most first."""
    holders: tuple[tuple[int, int], ...]
    """Who holds its nodes, likewise."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What became more between two dumps."""

    before: Count
    after: Count

    def of(self, what: str) -> int:
        """How many more nodes, references, deaths or buffers."""
        more: int = getattr(self.after, what) - getattr(self.before, what)
        return more


def counts(snapshot: Snapshot) -> Iterator[tuple[Count, Place]]:
    """The counts of every open file; `transactions` files do not list all, and give none."""
    if snapshot.kind == Kind.TRANSACTIONS:
        return
    owners = snapshot.owners()
    for section, block in snapshot.blocks():
        if block.pid:
            yield _count(block, owners), section.at(block.line)


def leaks(snapshot: Snapshot, names: ProcessNames) -> list[Answer]:
    """The processes with conspicuously many nodes or handles."""
    answers: list[Answer] = []
    for count, place in counts(snapshot):
        for what, of in (("references", count.owners), ("nodes", count.holders)):
            number: int = getattr(count, what)
            if number >= MANY:
                answers.append(
                    Answer(
                        Question.LEAKS,
                        f"{_title(count, names)} has {number:,} {WHAT[what]}"
                        f"{_mostly(what, of, names)}"
                        f"{f'; {count.deaths:,} with a death notification' if what == 'references' else ''}.",
                        places=(place,),
                        value=count,
                        weight=number,
                    )
                )
    return answers


def growth(before: Snapshot, after: Snapshot, names: ProcessNames) -> list[Answer]:
    """What became more from one dump to the next, the most first."""
    old = {(count.pid, count.context): count for count, _ in counts(before)}
    grown = [
        (Growth(old[count.pid, count.context], count), place)
        for count, place in counts(after)
        if (count.pid, count.context) in old
    ]
    answers: list[Answer] = []
    for change, place in grown:
        more = {what: change.of(what) for what in WHAT if change.of(what) > 0}
        if more:
            listed = ", ".join(
                f"{number:,} more {WHAT[what]} ({getattr(change.after, what):,})"
                for what, number in more.items()
            )
            origin = _mostly("references", change.after.owners, names) if "references" in more else ""
            answers.append(
                Answer(
                    Question.LEAKS,
                    f"{_title(change.after, names)} grew between the two dumps: {listed}{origin}.",
                    places=(place,),
                    value=change,
                    weight=1e6 + sum(more.values()),
                )
            )
    return sorted(answers, key=lambda answer: -answer.weight)[:MOST_SHOWN]


def same_device(before: Snapshot, after: Snapshot) -> bool:
    """Whether two dumps can be of one boot of one device: its long-lived nodes are the same."""
    old, new = before.owners(), after.owners()
    both = old.keys() & new.keys()
    return not old or not new or any(old[node] == new[node] for node in both)


def _count(block: ProcessBlock, owners: dict[int, int]) -> Count:
    own = Counter(owners[each.node] for each in block.references if each.node in owners)
    held = Counter(holder for node in block.nodes for holder in node.holders)
    return Count(
        block.pid,
        block.context,
        len(block.nodes),
        len(block.references),
        sum(bool(each.death_notification) for each in block.references),
        len(block.buffers),
        tuple(own.most_common(3)),
        tuple(held.most_common(3)),
    )


def _title(count: Count, names: ProcessNames) -> str:
    return f"{names.title(count.pid)}{f' on {count.context}' if count.context else ''}"


def _mostly(what: str, of: tuple[tuple[int, int], ...], names: ProcessNames) -> str:
    if not of:
        return ""
    pid, number = of[0]
    relation = "of objects in" if what == "references" else "held by"
    return f", {number:,} of them {relation} {names.title(pid)}"
