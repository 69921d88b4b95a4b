"""Takes events out of the kernel's buffers while it records, for as long as wanted, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter

from harness.kernel.files import Pipe
from harness.kernel.tracing.event_format import EventFormat, event_of
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.recording import Lost, Recording
from harness.kernel.tracing.ring_buffer import is_full, records_of

NANOSECONDS = 1e9
MOST_AT_ONCE = 64
"""Pages read in one round trip."""
MOST_PAGES = 1024
"""Pages read of one processor before it is the others' turn."""


class LiveTrace:
    """The events of a recording, each read once; see `Tracer.follow`."""

    def __init__(self, pipes: Sequence[Pipe], formats: Sequence[EventFormat], recording: Recording) -> None:
        self._pipes = pipes
        self._formats: Mapping[int, EventFormat] = {known.id: known for known in formats}
        self._recording = recording
        self._full_pages = [0] * len(pipes)
        """Of each processor, at the last reading."""
        self._early: list[TraceEvent] = []
        self._complete_until = 0.0
        """Whatever is recorded from now on is later: the time of the last event so far."""
        self._cut_off = math.inf
        """The time until which the processors are read, where one of them has more."""
        self._final: Lost | None = None
        self.unreadable = 0
        """How many pages could not be decoded, or have an event that was not asked for."""

    @property
    def lost(self) -> Lost:
        """What the recording lacks, so far."""
        return self._recording.lost if self._final is None else self._final

    def read(self) -> list[TraceEvent]:
        """The events since the last call, in order of time; after `stop`, those that are left.

        A processor is read after another: what the later ones recorded meanwhile waits for the next call,
        because the earlier ones may have recorded something before that.
        """
        if self._final is not None:
            return self._taken(math.inf)
        complete_until = self._complete_until
        self._collect()
        return self._taken(min(complete_until, self._cut_off))

    def stop(self) -> None:
        """Record nothing more, and take out what is left; does nothing the second time."""
        if self._final is None:
            self._recording.pause()
            while self._collect():
                pass
            self._final = self._recording.lost

    def _collect(self) -> int:
        """Take out what there is, and return the number of pages."""
        self._cut_off = math.inf
        count = 0
        for cpu in range(len(self._pipes)):
            pages, all_of_them = self._pages_of(cpu)
            events = [event for page in pages for event in self._events_of(page, cpu)]
            count += len(pages)
            self._early += events
            if events:
                self._complete_until = max(self._complete_until, events[-1].timestamp)
                if not all_of_them:
                    self._cut_off = min(self._cut_off, events[-1].timestamp)
        return count

    def _pages_of(self, cpu: int) -> tuple[list[bytes], bool]:
        """The pages that a processor has filled, and whether these are all.

        Each read empties the page that is being filled, too: more reads than there are full pages would find
        one event each, for as long as there are new ones.
        """
        pages: list[bytes] = []
        count = self._full_pages[cpu] + 1
        while len(pages) < MOST_PAGES:
            new = self._pipes[cpu](count)
            pages += new
            if len(new) < count or not is_full(new[-1]):
                self._full_pages[cpu] = min(sum(map(is_full, pages)), MOST_AT_ONCE - 1)
                return pages, True
            count = min(2 * count, MOST_AT_ONCE)
        return pages, False

    def _taken(self, complete_until: float) -> list[TraceEvent]:
        self._early.sort(key=attrgetter("timestamp"))
        later = [event for event in self._early if event.timestamp > complete_until]
        taken = self._early[: len(self._early) - len(later)]
        self._early = later
        return taken

    def _events_of(self, page: bytes, cpu: int) -> list[TraceEvent]:
        events = []
        try:
            for time, record in records_of(page):
                kind, thread = event_of(record)
                known = self._formats.get(kind)
                if known is None:
                    self.unreadable += 1
                    continue
                events.append(
                    TraceEvent(
                        timestamp=time / NANOSECONDS,
                        cpu=cpu,
                        task="",
                        tid=thread,
                        process=None,
                        name=known.name,
                        fields=known.decode(record),
                        text="",
                    )
                )
        except ValueError:
            self.unreadable += 1
        return events
