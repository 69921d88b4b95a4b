"""What was found in files or on a device, and the answers that it gives."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.framework.dumps.processes import ProcessNames
from harness.inspect.buffers import BufferUse, NodeQueue, buffers, full_by_stats, undrained
from harness.inspect.findings import deliveries, errors, follows, slowest
from harness.inspect.kinds import Answer, Kind, Place, Question, Section, StatsOf
from harness.inspect.leaks import Count, growth, leaks, same_device
from harness.inspect.pools import Pool, frozen, frozen_by_stats, pools, pools_by_stats
from harness.inspect.reader import Reader
from harness.inspect.snapshot import Snapshot, snapshots
from harness.inspect.sources import Source, UnreadableFileError, opened
from harness.inspect.waits import Deadlock, Holder, waits
from harness.kernel.binder_debug.stats import Stats
from harness.kernel.concise import counted
from harness.recording.hops import Hops

_MOST_NAMES = 5
"""Names of files in one note."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """The sections of what was read, the names of processes, and what was not understood."""

    sections: tuple[Section, ...]
    names: ProcessNames
    unknown: tuple[tuple[Place, str], ...]
    """Lines that nothing was made of, as many as are kept."""
    unknown_count: int
    lines: int
    reports: int
    """How many bug reports it holds."""
    notes: tuple[str, ...]
    """What to know before trusting the answers: damage, lines left out, devices mixed."""

    def __repr__(self) -> str:
        return (
            f"<Inspection of {counted(self.lines, 'line')}: {counted(len(self.sections), 'section')}, "
            f"{counted(len(self.answers), 'answer')}>"
        )

    def of(self, *kinds: Kind) -> tuple[Section, ...]:
        """The sections of these kinds."""
        return tuple(section for section in self.sections if section.kind in kinds)

    @functools.cached_property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The dumps of the driver's records, in order."""
        return snapshots(self.sections)

    @functools.cached_property
    def stats(self) -> StatsOf:
        """The last counters of each open file, by process and device."""
        found = [section.value for section in self.of(Kind.STATS)]
        return {
            (each.pid, each.context): each
            for value in found
            if isinstance(value, Stats)
            for each in value.processes
        }

    @functools.cached_property
    def answers(self) -> tuple[Answer, ...]:
        """What the records show, by question; the weightiest answer to each first."""
        order = list(Question)
        found = sorted(self._answers(), key=lambda each: (order.index(each.question), -each.weight))
        return tuple(found)

    def to(self, question: Question) -> tuple[Answer, ...]:
        """The answers to one question."""
        return tuple(answer for answer in self.answers if answer.question == question)

    @functools.cached_property
    def warnings(self) -> tuple[str, ...]:
        """Why some answers may be wrong: the notes, and records that cannot be of one device."""
        mixed = [why for snapshot in self.snapshots if (why := snapshot.mixed())]
        different = [
            f"the records in {after.sections[0].place} are not of the device and boot of those in "
            f"{before.sections[0].place}: they are not compared"
            for before, after in self._pairs()
            if not same_device(before, after)
        ]
        return (*self.notes, *mixed, *different)

    def _answers(self) -> Iterator[Answer]:
        yield from errors(self.sections, self.names)
        seen: set[object] = set()
        for snapshot in reversed(self.snapshots):
            for answer in (
                *waits(snapshot, self.stats, self.names),
                *buffers(snapshot, self.stats, self.names),
                *leaks(snapshot, self.names),
                *pools(snapshot, self.stats, self.names),
            ):
                key = _key(answer.value)
                if key not in seen:
                    seen.add(key)
                    yield answer
        for before, after in self._pairs():
            if same_device(before, after):
                yield from growth(before, after, self.names)
                yield from undrained(before, after, self.names)
        for section in self.of(Kind.STATS):
            if isinstance(section.value, Stats):
                found = pools_by_stats(section.value, section.place.file, self.names)
                yield from (answer for answer in found if _key(answer.value) not in seen)
                yield from full_by_stats(section.value, section.place.file, self.names)
                yield from frozen_by_stats(section.value, section.place.file, self.names)
        yield from frozen(reversed(self.snapshots), self.names.frozen, self.names)
        yield from deliveries(self.sections)
        yield from slowest(self.sections)
        yield from follows(self.sections)

    def _pairs(self) -> Iterator[tuple[Snapshot, Snapshot]]:
        """Each two complete dumps that follow each other."""
        complete = [each for each in self.snapshots if each.kind != Kind.TRANSACTIONS and any(each.blocks())]
        whole = [each for each in complete if any(block.pid for _, block in each.blocks())]
        yield from itertools.pairwise(whole)


def read(*paths: str) -> Inspection:
    """Read files, folders, zips or `-` (standard input), and recognise what they hold.

    Raises UsageError for a file that is not there, UnreadableFileError for one that is not text. In a folder
    or a zip with others that are, such a file is passed over, and a note of the result names it.
    """
    reader = Reader(ProcessNames())
    for path in paths:
        _read_path(reader, path)
    return inspection_of(reader)


def _read_path(reader: Reader, path: str) -> None:
    texts, others = 0, list[str]()
    with opened(path) as sources:
        for source in sources:
            try:
                reader.read(source)
                texts += 1
            except UnreadableFileError:
                if not source.one_of_many:
                    raise
                others.append(source.name)
    if not others:
        return
    more = f" and {len(others) - _MOST_NAMES:,} more" if len(others) > _MOST_NAMES else ""
    names = f"{', '.join(others[:_MOST_NAMES])}{more}"
    if not texts:
        raise UnreadableFileError(f"{path} has no text in it: {names}")
    reader.notes.append(f"{counted(len(others), 'file')} passed over, not being text: {names}")


def read_sources(sources: Sequence[Source]) -> Inspection:
    """Recognise what these texts hold."""
    reader = Reader(ProcessNames())
    for source in sources:
        reader.read(source)
    return inspection_of(reader)


def inspection_of(reader: Reader) -> Inspection:
    """What a reader found."""
    traces = [section.value for section in reader.sections if isinstance(section.value, Hops)]
    for end in (end for hops in traces for hop in hops for end in (hop.sender, hop.receiver)):
        if end.process:
            reader.names.name_process(end.process, end.name)
    notes = list(reader.notes)
    if reader.left_out:
        notes.append(f"{reader.left_out:,} lines were too many to keep, and are left out")
    if len(reader.builds) > 1:
        builds = ", ".join(f"{build} ({place})" for build, place in reader.builds.items())
        notes.append(f"two devices are mixed here: {builds}. Give the files of one at a time")
    return Inspection(
        tuple(reader.sections),
        reader.names,
        tuple(reader.unknown),
        reader.unknown_count,
        reader.lines,
        reader.reports,
        tuple(notes),
    )


def _key(value: object) -> object:
    """What two answers from two dumps of one device have in common."""
    match value:
        case Deadlock():
            return ("deadlock", frozenset(wait.transaction for wait in value.waits))
        case Holder():
            return ("holder", value.pid, value.tid)
        case BufferUse() | Count() | Pool():
            return (type(value).__name__, value.pid, value.context)
        case NodeQueue():
            return ("queue", value.pid, value.node)
        case _:
            return id(value)
