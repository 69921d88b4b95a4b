"""Traces the kernel during a block of Python, and leaves the kernel as it was."""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence

from harness.kernel.files import LiveFiles
from harness.kernel.tracing.kprobes import Kprobe, Probe
from harness.kernel.tracing.live_trace import LiveTrace
from harness.kernel.tracing.recording import Recording
from harness.kernel.tracing.tracefs import Instance, ProbeRefusedError, TraceFs, TracingMissingError

PREFIX = "binder_harness_"
"""The prefix of the names of our instances and probe groups."""

_THIS_RUN = secrets.token_hex(4)
_NAME = re.compile(rf"{PREFIX}(?P<process>\d+)_(?P<run>[0-9a-f]+)_\d+")
"""A name of ours: with the agent's process, on the device, that lives as long as its run."""
_numbers = itertools.count(1)


class Tracer:
    """Traces one device's kernel in its own instances.

    The first recording removes what an earlier, killed run has left: an instance whose name has a process
    that has ended. What another run records at the same time stays.
    """

    def __init__(self, files: LiveFiles) -> None:
        self._files = files
        self._tracefs = TraceFs(files)
        self._cleaned = False

    def __repr__(self) -> str:
        return f"<Tracer of {vars(self._tracefs).get('location', 'a kernel that was not traced yet')}>"

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
        instance = Instance(self._tracefs, self._new_name())
        instance.create()
        try:
            instance.set("tracing_on", "0")
        finally:
            instance.remove()
        return self.location

    def can_probe(self, probe: str | Probe) -> bool:
        """Whether this kernel accepts a probe, by trying; a name means a Kprobe on that function."""
        tried = Kprobe(probe) if isinstance(probe, str) else probe
        group = self._new_name()
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
        filters: Mapping[str, str] | None = None,
        pids: Sequence[int] | None = None,
        buffer_kib: int = 4096,
        clock: str = "mono",
    ) -> Iterator[Recording]:
        """Record tracepoints (SYSTEM:EVENT, or SYSTEM for all of its events) and probes during the block.

        `filters` has the kernel's filter of an event, where only some of them are wanted. With `pids`, only
        events of these processes: their threads, and those that they start meanwhile.
        `buffer_kib` is for each processor. The clock `mono` is CLOCK_MONOTONIC, which processes can read too.
        Raises ProbeRefusedError, UsageError for an unknown event, TracingMissingError. The kernel is always
        left as it was.
        """
        with self._tracing(events, kprobes, filters, pids, buffer_kib, clock) as instance:
            recording = Recording(self._tracefs, instance, kprobes)
            instance.set("tracing_on", "1")
            try:
                yield recording
            finally:
                recording.stop()

    @contextlib.contextmanager
    def follow(
        self,
        *,
        events: Sequence[str],
        kprobes: Sequence[Probe] = (),
        filters: Mapping[str, str] | None = None,
        renamed: Mapping[str, str] | None = None,
        buffer_kib: int = 4096,
        clock: str = "boot",
    ) -> Iterator[LiveTrace]:
        """Record as `record` does, for a reader that takes the events out again meanwhile, for any time.

        `renamed` has names for fields, see `parse_event_format`. The clock `boot` goes on while the device
        is suspended.
        """
        with (
            self._tracing(events, kprobes, filters, None, buffer_kib, clock) as instance,
            instance.pipes() as pipes,
        ):
            formats = instance.formats([*events, *instance.own(kprobes)], renamed)
            trace = LiveTrace(pipes, formats, Recording(self._tracefs, instance, kprobes))
            instance.set("tracing_on", "1")
            try:
                yield trace
            finally:
                trace.stop()

    @contextlib.contextmanager
    def _tracing(
        self,
        events: Sequence[str],
        kprobes: Sequence[Probe],
        filters: Mapping[str, str] | None,
        pids: Sequence[int] | None,
        buffer_kib: int,
        clock: str,
    ) -> Iterator[Instance]:
        """An instance with these events, which does not record yet; the kernel is left as it was."""
        self._clean_once()
        name = self._new_name()
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
            for event, condition in (filters or {}).items():
                instance.set(f"events/{event.replace(':', '/')}/filter", condition)
            for event in (*events, *instance.own(kprobes)):
                instance.enable(event)
            yield instance

    def _threads_of(self, pids: Sequence[int]) -> list[int]:
        return [int(tid) for pid in pids for tid in self._files.list_directory(f"/proc/{pid}/task")]

    def _clean_once(self) -> None:
        """Remove what earlier runs left: instances first, because they use the probes."""
        if self._cleaned:
            return
        for name in filter(self._is_left_over, self._tracefs.instances()):
            Instance(self._tracefs, name).remove()
        for group in filter(self._is_left_over, self._tracefs.groups()):
            self._tracefs.undefine(group)
        self._cleaned = True

    def _new_name(self) -> str:
        """A name for an instance or a group of probes."""
        return f"{PREFIX}{self._process}_{_THIS_RUN}_{next(_numbers)}"

    @functools.cached_property
    def _process(self) -> int:
        """The process on the device that reads and writes its files; 0 where that does not show."""
        try:
            return int(self._files.read_link("/proc/self"))
        except (OSError, ValueError):
            return 0

    def _is_left_over(self, name: str) -> bool:
        """Whether a name is one of ours, and not of this run or of another one that goes on."""
        ours = _NAME.fullmatch(name)
        if ours is None:
            return name.startswith(PREFIX)
        return ours["run"] != _THIS_RUN and not self._runs(int(ours["process"]))

    def _runs(self, process: int) -> bool:
        """Whether a process runs that has the name of the one that reads and writes the files here."""
        try:
            names = [self._files.read_text(f"/proc/{each}/comm") for each in (process, self._process)]
        except OSError:
            return False
        return names[0] == names[1]
