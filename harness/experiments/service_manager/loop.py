"""How a service manager starts and reads: every step that the driver sees of it, traced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.architecture import Architecture
from harness.binder.abi.uapi import BinderIoctl
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.generations import Generation
from harness.experiments.instruments.service_managers import Place, at_each, held
from harness.kernel.tracing.binder_transactions import GROUPS
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Probe
from harness.kernel.tracing.system_calls import call_argument, call_entry, call_return

if TYPE_CHECKING:
    from harness.device.device import Device

READ_SIZE_OFFSET = 24
"""Of read_size in struct binder_write_read."""
COMMAND = "binder_command"
OPENED, MAPPED, IOCTL = "sys_openat_return", "sys_mmap_entry", "sys_ioctl_entry"
"""The names of the events."""
PINGS = 3
_NAMES = {int(ioctl): ioctl.name for ioctl in BinderIoctl}


def ioctl_probe(architecture: Architecture) -> Probe:
    """A probe on ioctl(2): the file, the request, and what its argument has where read_size is.

    That means something for BINDER_WRITE_READ alone.
    """
    return call_entry(
        architecture,
        "ioctl",
        call_argument(architecture, 1, "fd", type="s32"),
        call_argument(architecture, 2, "cmd", type="x32"),
        call_argument(architecture, 3, "read_size", user_offsets=(READ_SIZE_OFFSET,)),
    )


def start_probes(architecture: Architecture) -> list[Probe]:
    """Probes on the system calls by which a process begins to use a driver, in C or in Rust."""
    mapped = call_entry(architecture, "mmap", call_argument(architecture, 5, "fd", type="s32"))
    return [call_return(architecture, "openat"), mapped, ioctl_probe(architecture)]


@dataclass(frozen=True, slots=True)
class Start:
    """What the driver sees of a service manager, from its first instruction to its third answer."""

    generation: Generation
    steps: tuple[str, ...]
    """System calls on its file (`open`, `mmap`), names of ioctls and commands, and `read 128`, in bytes."""
    complete: bool
    """Whether the trace lost no events."""


@measurement("service-manager-start", "The steps of a service manager's start, as the driver sees them.")
def measure_start(device: Device) -> tuple[Start, ...]:
    """Start one of each generation on a device without context manager, traced, and ping it three times."""
    starts = []
    events = [
        event for group in GROUPS for event in device.tracing.events(group) if event.endswith(f":{COMMAND}")
    ]
    probes = start_probes(device.architecture)
    for generation in Generation:
        with held(device, generation) as manager:
            pids = [manager.pid]
            with device.tracing.record(events=events, kprobes=probes, pids=pids) as recording:
                place = manager.begin()
                for _ in range(PINGS):
                    place.manager.ping()
            starts.append(Start(generation, steps_of(recording.events()), not recording.lost))
    return tuple(starts)


@dataclass(frozen=True, slots=True)
class ReadBuffer:
    """How much a service manager's loop reads from the driver at once."""

    generation: Generation
    sizes: tuple[int, ...]
    """The sizes of its reads, in bytes, each once."""
    complete: bool
    """Whether the trace lost no events."""


@measurement("service-manager-reads", "How much a service manager's loop reads from the driver at once.")
def measure_read_buffer(device: Device) -> tuple[ReadBuffer, ...]:
    """Trace a running one's ioctls while it answers three pings; of each generation there is."""

    def experiment(place: Place) -> ReadBuffer:
        probes = [ioctl_probe(device.architecture)]
        with device.tracing.record(kprobes=probes, pids=[place.pid]) as recording:
            for _ in range(PINGS):
                place.manager.ping()
        sizes = {size for event in recording.events() if (size := read_size(event))}
        return ReadBuffer(place.generation, tuple(sorted(sizes)), not recording.lost)

    return at_each(device, experiment)


def read_size(event: TraceEvent) -> int:
    """Bytes that an ioctl asks to read; 0 for one that reads nothing."""
    if event.name != IOCTL or event.fields["cmd"] != BinderIoctl.BINDER_WRITE_READ:
        return 0
    return int(event.fields["read_size"])


def steps_of(events: Iterable[TraceEvent]) -> tuple[str, ...]:
    """The steps that a trace shows, in its order; the driver's file is that of the first ioctl of Binder's.

    A path cannot be told: the page that it is in may not be in memory yet when the call begins.
    """
    seen = list(events)
    first = next((place for place, event in enumerate(seen) if _is_of_binder(event)), len(seen))
    file = seen[first].fields["fd"] if first < len(seen) else None
    # The same number may have been that of a library, which was closed.
    opened = [place for place, event in enumerate(seen[:first]) if _opens(event, file)]
    return tuple(step for event in seen[opened[-1] if opened else first :] if (step := _step(event, file)))


def _is_of_binder(event: TraceEvent) -> bool:
    return event.name == IOCTL and event.fields["cmd"] in _NAMES


def _opens(event: TraceEvent, file: int | str | None) -> bool:
    return event.name == OPENED and event.fields["result"] == file


def _step(event: TraceEvent, file: int | str | None) -> str | None:
    match event.name:
        case name if name == OPENED:
            return "open" if event.fields["result"] == file else None
        case name if name == COMMAND:
            return event.text.rpartition(" ")[2]
        case _ if event.fields.get("fd") != file:
            return None
        case name if name == MAPPED:
            return "mmap"
        case name if name == IOCTL and event.fields["cmd"] != BinderIoctl.BINDER_WRITE_READ:
            return _NAMES.get(int(event.fields["cmd"]), f"ioctl {event.fields['cmd']:#x}")
        case name if name == IOCTL and (size := read_size(event)):
            return f"read {size}"
    return None
