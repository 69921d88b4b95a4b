"""What a recording of the kernel's trace has, and what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.kernel.tracing.events import Trace, TraceEvent, parse_trace
from harness.kernel.tracing.kprobes import Probe
from harness.kernel.tracing.tracefs import Instance, TraceFs


@dataclass(frozen=True, slots=True)
class Lost:
    """What a recording lacks. Unless all are zero, a count of its events proves nothing."""

    overwritten: int
    """Events overwritten because the buffer was too small: use a larger one."""
    dropped: int
    """Events for which there was no space."""
    missed_hits: int
    """Hits of our probes that were not recorded, for example because of too few kretprobe slots."""

    def __bool__(self) -> bool:
        return bool(self.overwritten or self.dropped or self.missed_hits)


class Recording:
    """The recorded events: live inside the `record` block, final after it."""

    def __init__(self, tracefs: TraceFs, instance: Instance, probes: Sequence[Probe]) -> None:
        self._tracefs = tracefs
        self._instance = instance
        self._probes = probes
        self._final: tuple[Trace, Lost] | None = None

    def events(self, name: str | None = None) -> tuple[TraceEvent, ...]:
        """The events in order of time; with `name`, only those of that name (a probe's is Kprobe.event)."""
        return tuple(event for event in self.trace.events if name in (None, event.name))

    @property
    def trace(self) -> Trace:
        """The events, and the lines that are not events."""
        return self._final[0] if self._final else parse_trace(self._instance.read())

    @property
    def lost(self) -> Lost:
        """What the recording lacks, so far."""
        if self._final:
            return self._final[1]
        buffers = self._instance.statistics()
        missed = sum(self._tracefs.missed_hits(probe.event) for probe in self._probes)
        return Lost(buffers.overwritten, buffers.dropped, missed)

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self._final is not None

    def pause(self) -> None:
        """Record nothing more."""
        self._instance.set("tracing_on", "0")

    def stop(self) -> None:
        """End the recording, and keep the recorded events after the instance is removed."""
        self.pause()
        self._final = (self.trace, self.lost)
