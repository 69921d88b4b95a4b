"""Records what the kernel does while a block of Python runs, and leaves the kernel as it was."""

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
"""What the names of our instances and probe groups begin with."""

_THIS_RUN = f"{PREFIX}{secrets.token_hex(4)}_"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Lost:
    """What a recording lacks. Anything but zeros says that a count of its events proves nothing."""

    overwritten: int
    """Events overwritten since the buffer was too small: ask for a larger one."""
    dropped: int
    """Events that found no room."""
    missed_hits: int
    """Hits of our probes that the kernel did not record, as when a kretprobe has too few slots."""

    def __bool__(self) -> bool:
        return bool(self.overwritten or self.dropped or self.missed_hits)


class Recording:
    """What was recorded: live inside the `record` block, final after it."""

    def __init__(self, tracefs: TraceFs, instance: Instance, probes: Sequence[Probe]) -> None:
        self._tracefs = tracefs
        self._instance = instance
        self._probes = probes
        self._final: tuple[Trace, Lost] | None = None

    def events(self, name: str | None = None) -> tuple[TraceEvent, ...]:
        """The events in order of time; with `name`, only those (Kprobe.event is a probe's name)."""
        return tuple(event for event in self.trace.events if name in (None, event.name))

    @property
    def trace(self) -> Trace:
        """The events and the lines that are none."""
        return self._final[0] if self._final else parse_trace(self._instance.read())

    @property
    def lost(self) -> Lost:
        """What the recording lacks."""
        if self._final:
            return self._final[1]
        buffers = self._instance.statistics()
        missed = sum(self._tracefs.missed_hits(probe.event) for probe in self._probes)
        return Lost(buffers.overwritten, buffers.dropped, missed)

    def stop(self) -> None:
        """End the recording, and keep what was recorded beyond the instance's life."""
        self._instance.set("tracing_on", "0")
        self._final = (self.trace, self.lost)


class Tracing:
    """Traces one device's kernel, in instances of its own.

    What an earlier run left behind when it was killed is removed by the first recording. Two runs that
    trace the same device at the same time would take each other's recordings for such leavings.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._tracefs = TraceFs(files)
        self._cleaned = False

    @property
    def location(self) -> str:
        """Where the trace file system is mounted; raises TracingMissingError where it is not."""
        return self._tracefs.location

    def events(self, system: str) -> tuple[str, ...]:
        """The events of a system such as `binder`, each as SYSTEM:EVENT; none if the kernel has none."""
        return self._tracefs.events(system)

    def tried(self) -> str:
        """The location, after an instance was made there and removed: who may look may not always do that."""
        self._clean_once()
        instance = Instance(self._tracefs, f"{_THIS_RUN}{next(_numbers)}")
        instance.create()
        try:
            instance.set("tracing_on", "0")
        finally:
            instance.remove()
        return self.location

    def can_probe(self, probe: str | Probe) -> bool:
        """Whether this kernel accepts a probe (a function's name stands for a Kprobe on it): by trying."""
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

        With `pids`, only what these processes do: their threads, and those they start meanwhile.
        `buffer_kib` is for each processor. The clock `mono` is CLOCK_MONOTONIC, which a process can read too.
        Raises ProbeRefusedError, UsageError for an unknown event, TracingMissingError. Whatever happens,
        the kernel is left as it was found.
        """
        self._clean_once()
        name = f"{_THIS_RUN}{next(_numbers)}"
        instance = Instance(self._tracefs, name)
        with contextlib.ExitStack() as stack:
            # Last in, first out: an event in use by an instance cannot be removed before the instance.
            stack.callback(self._tracefs.undefine, name)
            for probe in kprobes:
                self._tracefs.define(name, probe)
            instance.create()
            stack.callback(instance.remove)
            instance.set("tracing_on", "0")
            instance.set("trace_clock", clock)
            instance.set("buffer_size_kb", str(buffer_kib))
            with contextlib.suppress(OSError):  # before Linux 4.14 a trace names no processes
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
        """Remove what earlier runs left: instances first, since they hold on to probes."""
        if self._cleaned:
            return
        for name in filter(_is_left_over, self._tracefs.instances()):
            Instance(self._tracefs, name).remove()
        for group in filter(_is_left_over, self._tracefs.groups()):
            self._tracefs.undefine(group)
        self._cleaned = True


def _is_left_over(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(_THIS_RUN)
