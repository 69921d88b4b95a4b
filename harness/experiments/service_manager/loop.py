"""How a service manager starts and reads: every step that the driver sees of it, traced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder.abi.uapi import BinderIoctl
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.generations import Generation
from harness.experiments.instruments.service_managers import Place, at_each, held
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Argument, Kprobe

if TYPE_CHECKING:
    from harness.device.device import Device

OPEN = Kprobe("binder_open")
MMAP = Kprobe("binder_mmap")
READ_SIZE_OFFSET = 24
"""Of read_size in struct binder_write_read."""
IOCTL = Kprobe(
    "binder_ioctl",
    (
        Argument("cmd", position=2, type="x32"),
        Argument("arg", position=3, type="u64", user_offset=READ_SIZE_OFFSET, label="read_size"),
    ),
)
"""An ioctl's request, and its argument at read_size, which means something for BINDER_WRITE_READ alone."""
COMMANDS = "binder:binder_command"
PINGS = 3
_NAMES = {int(ioctl): ioctl.name for ioctl in BinderIoctl}


@dataclass(frozen=True, slots=True)
class Start:
    """What the driver sees of a service manager, from its first instruction to its third answer."""

    generation: Generation
    steps: tuple[str, ...]
    """Functions of the driver (`open`, `mmap`), names of ioctls and of commands, and `read 128`, in bytes."""
    complete: bool
    """Whether the trace lost no events."""


@measurement("service-manager-start", "The steps of a service manager's start, as the driver sees them.")
def measure_start(device: Device) -> tuple[Start, ...]:
    """Start one of each generation on a device without context manager, traced, and ping it three times."""
    starts = []
    for generation in Generation:
        with held(device, generation) as manager:
            pids = [manager.program.pid]
            with device.tracing.record(
                events=[COMMANDS], kprobes=[OPEN, MMAP, IOCTL], pids=pids
            ) as recording:
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
        with device.tracing.record(kprobes=[IOCTL], pids=[place.pid]) as recording:
            for _ in range(PINGS):
                place.manager.ping()
        sizes = {size for event in recording.events() if (size := read_size(event))}
        return ReadBuffer(place.generation, tuple(sorted(sizes)), not recording.lost)

    return at_each(device, experiment)


def read_size(event: TraceEvent) -> int:
    """Bytes that an ioctl asks to read; 0 for one that reads nothing."""
    if event.name != IOCTL.event or event.fields["cmd"] != BinderIoctl.BINDER_WRITE_READ:
        return 0
    return int(event.fields["read_size"])


def steps_of(events: Iterable[TraceEvent]) -> tuple[str, ...]:
    """The steps that a trace shows, in its order."""
    return tuple(step for event in events if (step := _step(event)))


def _step(event: TraceEvent) -> str | None:
    match event.name:
        case OPEN.event:
            return "open"
        case MMAP.event:
            return "mmap"
        case "binder_command":
            return event.text.rpartition(" ")[2]
        case IOCTL.event if event.fields["cmd"] != BinderIoctl.BINDER_WRITE_READ:
            return _NAMES.get(int(event.fields["cmd"]), f"ioctl {event.fields['cmd']:#x}")
        case IOCTL.event if size := read_size(event):
            return f"read {size}"
    return None
