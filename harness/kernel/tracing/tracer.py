"""Traces the kernel during a block of Python, and leaves the kernel as it was."""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.kernel.files import Files
from harness.kernel.tracing.events import Trace, TraceEvent, parse_trace
from harness.kernel.tracing.kprobes import Kprobe, Probe
from harness.kernel.tracing.tracefs import Instance, ProbeRefusedError, TraceFs, TracingMissingError

PREFIX = "binder_harness_"
"""The prefix of the names of our instances and probe groups."""

_THIS_RUN = f"{PREFIX}{secrets.token_hex(4)}_"
_numbers = itertools.count(1)


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

    def stop(self) -> None:
        """End the recording, and keep the recorded events after the instance is removed."""
        self._instance.set("tracing_on", "0")
        self._final = (self.trace, self.lost)


class Tracer:
    """Traces one device's kernel in its own instances.

    The first recording removes what an earlier, killed run has left. So two runs must not trace the same
    device at the same time: each would remove the other's instances.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._tracefs = TraceFs(files)
        self._cleaned = False

    @property
    def location(self) -> str:
        """The mount point of the trace file system; raises TracingMissingError if it is not mounted."""
        return self._tracefs.location

    def events(self, system: str) -> tuple[str, ...]:
        """The events of a system such as `binder`, each as SYSTEM:EVENT; none if there is no such system."""
        return self._tracefs.events(system)

    def tried(self) -> str:
        """The location, after creating and removing an instance there: read access alone is not enough."""
        self._clean_once()
        instance = Instance(self._tracefs, f"{_THIS_RUN}{next(_numbers)}")
        instance.create()
        try:
            instance.set("tracing_on", "0")
        finally:
            instance.remove()
        return self.location

    def can_probe(self, probe: str | Probe) -> bool:
        """Whether this kernel accepts a probe, by trying; a name means a Kprobe on that function."""
        tried = Kprobe(probe) if isinstance(probe, str) else probe
        group = f"{_THIS_RUN}{next(_numbers)}"
        try:
            self._clean_once()
            self._tracefs.define(group, tried)
        except (ProbeRefusedError, TracingMissingError):
            return False
        self._tracefs.undefine(group)
        return True

    @contextlib.contextmanager
    def record(
        self,
        *,
        events: Sequence[str] = (),
        kprobes: Sequence[Probe] = (),
        pids: Sequence[int] | None = None,
        buffer_kib: int = 4096,
        clock: str = "mono",
    ) -> Iterator[Recording]:
        """Record tracepoints (SYSTEM:EVENT, or SYSTEM for all of its events) and probes during the block.

        With `pids`, only events of these processes: their threads, and those that they start meanwhile.
        `buffer_kib` is for each processor. The clock `mono` is CLOCK_MONOTONIC, which processes can read too.
        Raises ProbeRefusedError, UsageError for an unknown event, TracingMissingError. The kernel is always
        left as it was.
        """
        self._clean_once()
        name = f"{_THIS_RUN}{next(_numbers)}"
        instance = Instance(self._tracefs, name)
        with contextlib.ExitStack() as stack:
            # Last in, first out: an event that an instance uses cannot be removed before the instance.
            stack.callback(self._tracefs.undefine, name)
            for probe in kprobes:
                self._tracefs.define(name, probe)
            instance.create()
            stack.callback(instance.remove)
            instance.set("tracing_on", "0")
            instance.set("trace_clock", clock)
            instance.set("buffer_size_kb", str(buffer_kib))
            with contextlib.suppress(OSError):  # before Linux 4.14 a trace has no process ids
                instance.set("options/record-tgid", "1")
            if pids is not None:
                instance.set("options/event-fork", "1")
                instance.set("set_event_pid", " ".join(map(str, self._threads_of(pids))))
            for event in (*events, *(f"{name}:{probe.event}" for probe in kprobes)):
                instance.enable(event)
            recording = Recording(self._tracefs, instance, kprobes)
            instance.set("tracing_on", "1")
            stack.callback(recording.stop)
            yield recording

    def _threads_of(self, pids: Sequence[int]) -> list[int]:
        return [int(tid) for pid in pids for tid in self._files.list_directory(f"/proc/{pid}/task")]

    def _clean_once(self) -> None:
        """Remove what earlier runs left: instances first, because they use the probes."""
        if self._cleaned:
            return
        for name in filter(_is_left_over, self._tracefs.instances()):
            Instance(self._tracefs, name).remove()
        for group in filter(_is_left_over, self._tracefs.groups()):
            self._tracefs.undefine(group)
        self._cleaned = True


def _is_left_over(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(_THIS_RUN)
