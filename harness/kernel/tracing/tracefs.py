"""The trace file system: tracing instances, kprobe events, and the kernel's error text."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from emulator.base.errors import HarnessError, UsageError, in_words, reason_of
from harness.kernel.files import LiveFiles, Pipe, find_directory_with
from harness.kernel.tracing.event_format import EventFormat, parse_event_format
from harness.kernel.tracing.kprobes import Probe
from harness.kernel.tracing.ring_buffer import PAGE_SIZE

LOCATIONS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")

_STATISTIC = re.compile(r"(?P<name>[\w ]+): (?P<count>\d+)")
_PROFILE = re.compile(r"\s*(?P<event>\S+)\s+(?P<hits>\d+)\s+(?P<missed>\d+)\s*")
_PAGE = re.compile(r"char data;\s*offset:(\d+);\s*size:(\d+);")
"""In events/header_page: the header's size, and the records'."""
_DEFINITION = re.compile(r"[pr]\d*:(?P<group>[^/\s]+)/(?P<event>\S+) .*")


class TracingMissingError(HarnessError, FileNotFoundError):
    """The device does not allow tracing its kernel; the message has what was refused, or the tried places."""


class ProbeRefusedError(HarnessError):
    """The kernel refused a probe; the message has each tried definition and the kernel's error."""


@contextlib.contextmanager
def _for_root() -> Iterator[None]:
    """Adb's shell sees tracefs on most phones, and may make no instance in it."""
    try:
        yield
    except PermissionError as error:
        raise TracingMissingError(f"{in_words(error)}. Tracing needs root (`adb root`).") from error


@dataclass(frozen=True, slots=True)
class BufferStatistics:
    """How many events the ring buffers of all processors have lost."""

    overwritten: int
    """Events overwritten by later ones because the buffer was full."""
    dropped: int
    """Events never written: no space, or an event within an event."""


class TraceFs:
    """The trace file system of one device: its events, kprobe events and instances."""

    def __init__(self, files: LiveFiles, locations: Sequence[str] = LOCATIONS) -> None:
        self.files = files
        self._locations = locations

    @functools.cached_property
    def location(self) -> str:
        """The first of the usual directories with a `trace` file; raises TracingMissingError."""
        missing = "no trace file system is mounted here"
        location, failed = find_directory_with("trace", self.files, self._locations, missing=missing)
        if location is not None:
            return location
        raise TracingMissingError(
            f"The kernel of this device cannot be traced. Tried\n{failed}"
            "\nIt needs root (`adb root`) and tracefs (`mount -t tracefs none /sys/kernel/tracing`)."
        )

    def events(self, system: str) -> tuple[str, ...]:
        """The events of one system, each as SYSTEM:EVENT; none if the kernel has no such system."""
        directory = f"{self.location}/events/{system}"
        try:
            names = self.files.list_directory(directory)
        except FileNotFoundError:
            return ()
        return tuple(f"{system}:{name}" for name in names if name not in ("enable", "filter"))

    def define(self, group: str, probe: Probe) -> str:
        """Register `probe` as an event of `group`, and return the definition that the kernel accepted.

        Raises ProbeRefusedError if it accepts none, TracingMissingError if it has no kprobe events.
        """
        if not self.files.exists(self._kprobe_events):
            raise TracingMissingError(
                f"{self._kprobe_events} does not exist: this kernel is built without kprobe events "
                "(CONFIG_KPROBE_EVENTS). Use tracepoints, or a kernel with kprobe events."
            )
        refusals = []
        for definition in probe.definitions(group):
            try:
                self.files.write_text(self._kprobe_events, f"{definition}\n", append=True)
                return definition
            except OSError as error:
                refusals.append(f"{definition}\n    {self._kernel_answer(definition, error)}")
        raise ProbeRefusedError(
            f"the kernel refuses to probe {probe.function}:\n  "
            + "\n  ".join(refusals)
            + "\nThe function may be inlined, not in this kernel, or in a module that is not loaded; the "
            "parameter may have another name or position here (see available_filter_functions)."
        )

    def undefine(self, group: str) -> None:
        """Remove every kprobe event of `group`; no instance may still use them."""
        for definition in self._definitions():
            match = _DEFINITION.fullmatch(definition)
            if match and match["group"] == group:
                self.files.write_text(self._kprobe_events, f"-:{group}/{match['event']}\n", append=True)

    def groups(self) -> frozenset[str]:
        """The groups of all kprobe events, ours and others'."""
        matches = map(_DEFINITION.fullmatch, self._definitions())
        return frozenset(match["group"] for match in matches if match)

    def missed_hits(self, event: str) -> int:
        """How many hits of a kprobe event were not recorded, as when a kretprobe has too few slots."""
        lines = self.files.read_text(f"{self.location}/kprobe_profile").splitlines()
        matches = map(_PROFILE.fullmatch, lines)
        return sum(int(match["missed"]) for match in matches if match and match["event"] == event)

    def instances(self) -> tuple[str, ...]:
        """The names of all tracing instances, ours and others'; TracingMissingError where only root may."""
        with _for_root():
            return tuple(self.files.list_directory(f"{self.location}/instances"))

    @property
    def _kprobe_events(self) -> str:
        return f"{self.location}/kprobe_events"

    def _definitions(self) -> list[str]:
        try:
            return self.files.read_text(self._kprobe_events).splitlines()
        except FileNotFoundError:
            return []

    def _kernel_answer(self, definition: str, error: OSError) -> str:
        """The entry of error_log (Linux 5.2 and later) for `definition`, else the error's text."""
        with contextlib.suppress(OSError):
            for entry in reversed(self.files.read_text(f"{self.location}/error_log").split("\n[")):
                if definition in entry:
                    return entry.partition("] ")[2].strip().replace("\n", "\n    ")
        return reason_of(error)


class Instance:
    """A tracing instance with its own buffers and events, separate from everybody else's.

    It exists from `create` to `remove`, and records while `tracing_on` is set.
    """

    def __init__(self, tracefs: TraceFs, name: str) -> None:
        self._files = tracefs.files
        self._tracefs = tracefs
        self.name = name
        self.path = f"{tracefs.location}/instances/{name}"

    def create(self) -> None:
        """Create the instance, without enabled events; TracingMissingError where only root may."""
        with _for_root():
            self._files.make_directory(self.path)

    def remove(self) -> None:
        """Disable its events, which rmdir alone does not do on every kernel, and remove the instance."""
        with contextlib.suppress(OSError):
            self.set("events/enable", "0")
        self._files.remove_directory(self.path)

    def set(self, name: str, value: str) -> None:
        """Write to one of the instance's control files."""
        self._files.write_text(f"{self.path}/{name}", f"{value}\n")

    def enable(self, event: str) -> None:
        """Record `event`: SYSTEM:EVENT, or SYSTEM for all of its events; UsageError for an unknown one."""
        system, _, _ = event.partition(":")
        try:
            self.set(f"events/{event.replace(':', '/')}/enable", "1")
        except FileNotFoundError as error:
            existing = ", ".join(self._tracefs.events(system)) or f"no event of {system}"
            raise UsageError(f"this kernel has no event {event}; it has {existing}") from error

    def read(self) -> str:
        """The recorded text, in order of time.

        From `trace`, not `trace_pipe`: reading it ends with the recording, while a reader of trace_pipe waits
        for more; it can be read again; and it merges the processors' buffers by time.
        """
        return self._files.read_text(f"{self.path}/trace")

    def own(self, probes: Sequence[Probe]) -> tuple[str, ...]:
        """The events of probes that are defined in the group of the instance's name."""
        return tuple(f"{self.name}:{probe.event}" for probe in probes)

    def formats(self, events: Sequence[str], renamed: Mapping[str, str] | None = None) -> list[EventFormat]:
        """How the records of these events (SYSTEM:EVENT) are laid out."""
        paths = [f"{self.path}/events/{event.replace(':', '/')}/format" for event in events]
        found = [parse_event_format(self._files.read_text(path), renamed) for path in paths]
        return [each for each in found if each is not None]

    def pipes(self) -> AbstractContextManager[list[Pipe]]:
        """For the block, each processor's pages; a call takes them out of the buffer."""
        heading = _PAGE.search(self._files.read_text(f"{self._tracefs.location}/events/header_page"))
        size = sum(map(int, heading.groups())) if heading else PAGE_SIZE
        cpus = self._files.list_directory(f"{self.path}/per_cpu")
        return self._files.pipes([f"{self.path}/per_cpu/{cpu}/trace_pipe_raw" for cpu in cpus], size)

    def statistics(self) -> BufferStatistics:
        """How many events were lost, on all processors."""
        totals: dict[str, int] = {}
        for cpu in self._files.list_directory(f"{self.path}/per_cpu"):
            for line in self._files.read_text(f"{self.path}/per_cpu/{cpu}/stats").splitlines():
                if match := _STATISTIC.fullmatch(line):
                    totals[match["name"]] = totals.get(match["name"], 0) + int(match["count"])
        return BufferStatistics(
            overwritten=totals.get("overrun", 0),
            dropped=totals.get("dropped events", 0) + totals.get("commit overrun", 0),
        )
