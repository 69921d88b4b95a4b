"""Counts the bytes that the kernel's copying functions move while one thread makes one system call.

What copies in the end, copy_from_user() and the iterators of lib/iov_iter.c, cannot be probed: lib/Makefile
builds without the hooks that kprobe events ask for (within_notrace_func, kernel/trace/trace_kprobe.c). So
each way of communicating is counted at the nearest function around it that does nothing but copy, or that
copies all it returns (pipe_write, pipe_read).

The check of CONFIG_HARDENED_USERCOPY serves as a second count, independent of these functions: each copy
between user memory and the kernel passes it (include/linux/thread_info.h, check_copy_size) unless its size
is fixed when the kernel is built. Copies to and from whole pages bypass it: those of pipes, and of all that
does not go into the linear part of a socket's buffer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.architecture import Architecture
from emulator.base.errors import FacilityMissingError, HarnessError
from harness.agent.operations import Operation, OperationResult, SystemCall
from harness.agent.syscalls import SyscallNumber
from harness.agent.thread import RemoteThread
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Argument, Kprobe, Kretprobe, Probe
from harness.kernel.tracing.recording import Recording
from harness.kernel.tracing.tracefs import ProbeRefusedError

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

MARK = SystemCall(SyscallNumber.getppid)
"""A system call that an agent makes only on request: two of them enclose what is counted."""


@dataclass(frozen=True, slots=True)
class CopyFunction:
    """A function of the kernel, and the field of its probe that holds how many bytes it moves."""

    probe: Probe
    field: str
    successor: CopyFunction | None = None
    """What has its place in later kernels."""

    @property
    def name(self) -> str:
        """As the kernel calls it."""
        return self.probe.function

    @property
    def all(self) -> tuple[CopyFunction, ...]:
        """It and what has its place later."""
        return (self,) if self.successor is None else (self, *self.successor.all)


def _taking(function: str, parameter: str, position: int, *others: Argument) -> CopyFunction:
    return CopyFunction(Kprobe(function, (Argument(parameter, position), *others)), parameter)


def _returning(function: str, later: str = "") -> CopyFunction:
    return CopyFunction(Kretprobe(function), "result", _returning(later) if later else None)


BINDER_IN = _taking("binder_alloc_copy_user_to_buffer", "bytes", 5, Argument("from", 4))
"""drivers/android/binder_alloc.c: from the sender's memory into the receiver's pages (since Linux 5.1)."""
BINDER_WITHIN = _taking("binder_alloc_copy_to_buffer", "bytes", 5)
"""The same file: from the kernel's memory into the receiver's pages, as for an object that is translated."""
BINDER_BACK = _taking("binder_alloc_copy_from_buffer", "bytes", 5)
"""The same file: from the receiver's pages into the kernel's memory."""
PIPE_IN, PIPE_OUT = _returning("pipe_write", "anon_pipe_write"), _returning("pipe_read", "anon_pipe_read")
"""fs/pipe.c; the later names are Linux 6.15's."""
SOCKET_IN = _taking("skb_copy_datagram_from_iter", "len", 4)
SOCKET_OUT = _taking("skb_copy_datagram_iter", "len", 4)
"""net/core/datagram.c."""
MESSAGE_IN = _taking("load_msg", "len", 2)
MESSAGE_OUT = _taking("store_msg", "len", 3)
"""ipc/msgutil.c, for System V's queues and for POSIX's."""
COPY_FUNCTIONS = (
    BINDER_IN,
    BINDER_WITHIN,
    BINDER_BACK,
    PIPE_IN,
    PIPE_OUT,
    SOCKET_IN,
    SOCKET_OUT,
    MESSAGE_IN,
    MESSAGE_OUT,
)
_CHECKED = (Argument("n", 2), Argument("to_user", 3, "u8"))
USER_COPY_CHECK = Kprobe("__check_object_size", _CHECKED)
"""mm/usercopy.c."""
RUST_IN = CopyFunction(Kprobe("__check_object_size", _CHECKED, name="checked_from_user"), "n")
"""The same, for the driver in Rust, whose functions cannot be probed: it copies page by page from its sender,
each time through this check (rust/kernel/page.rs, copy_from_user_slice_raw, Linux 6.18)."""
_BY_EVENT = {each.probe.event: each for function in (*COPY_FUNCTIONS, RUST_IN) for each in function.all}


class LostEventsError(HarnessError):
    """The kernel could not record all that was to be counted; the count would prove nothing."""


class NoInstrumentError(FacilityMissingError):
    """This device has nothing that shows copies."""

    def __init__(self) -> None:
        super().__init__(
            "needs something that shows copies: kernel probes, or watchpoints (perf_event_open). "
            "It can be tested on the target `embedded`, or on a rooted one whose kernel has either."
        )


@dataclass(frozen=True, slots=True)
class Move:
    """Bytes that one call of a copying function moved."""

    function: str
    size: int
    source: int | None
    """The address in user memory that they came from, where the function is the driver's."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What the kernel did between two marks of a thread; sizes in bytes."""

    moves: tuple[Move, ...]
    checked_in: int | None
    """What the usercopy check let pass from user memory; None where this kernel has no such check."""
    checked_out: int | None
    """What it let pass to user memory."""

    @property
    def moved(self) -> int:
        """All that copying functions moved, whichever they were."""
        return sum(move.size for move in self.moves)

    def moved_by(self, function: CopyFunction) -> int:
        """What one of them moved."""
        return sum(move.size for move in self.moves if move.function == function.name)


class CopyCounts:
    """A recording of the copying functions as far as this kernel can be probed, to be read after its end."""

    def __init__(self, recording: Recording, probes: Sequence[Probe]) -> None:
        self._recording = recording
        self._probes = frozenset(probes)

    def sees(self, *functions: CopyFunction) -> bool:
        """Whether all of these could be probed: only then does a count of zero mean that they did nothing."""
        return all(any(each.probe in self._probes for each in function.all) for function in functions)

    def of(self, thread: RemoteThread) -> list[Copied]:
        """What the thread had copied between its marks: one entry for each `marked`, in their order."""
        own = [event for event in self._recording.events() if event.tid == thread.tid]
        return [self._count(section) for section in sections(own, _mark(thread.architecture).event)]

    def _count(self, events: Sequence[TraceEvent]) -> Copied:
        moves = tuple(move for event in events if (move := _move(event)))
        if USER_COPY_CHECK not in self._probes:
            return Copied(moves, None, None)
        checks = [event.fields for event in events if event.name == USER_COPY_CHECK.event]
        ways = [sum(int(check["n"]) for check in checks if check["to_user"] == way) for way in (0, 1)]
        return Copied(moves, *ways)


def mark(thread: RemoteThread) -> None:
    """Begin what is counted for the thread, or end it."""
    thread.batch(MARK)


def marked(thread: RemoteThread, *operations: Operation) -> list[OperationResult]:
    """Carry operations out between two marks; raises the OSError of one that fails."""
    results = [result.checked() for result in thread.batch(MARK, *operations, MARK)]
    return results[1:-1]


def sections(events: Sequence[TraceEvent], mark: str) -> list[Sequence[TraceEvent]]:
    """What lies between the first event of the name `mark` and the second, the third and the fourth, …"""
    marks = [place for place, event in enumerate(events) if event.name == mark]
    return [events[start + 1 : end] for start, end in zip(marks[::2], marks[1::2], strict=True)]


@contextlib.contextmanager
def count_copies(
    device: Device, *processes: DeviceProcess, functions: Iterable[CopyFunction] = COPY_FUNCTIONS
) -> Iterator[CopyCounts | None]:
    """Count what these processes have the kernel copy; None on a device whose kernel cannot be probed.

    Each further function takes some 50 ms to probe on an emulated device. Raises LostEventsError at the end
    where the kernel lost some of what it was to record.
    """
    if not device.facts.kprobes:
        yield None
        return
    mark = _mark(device.architecture)
    functions = tuple(functions)
    probes: tuple[Probe, ...] = (mark, USER_COPY_CHECK, *(function.probe for function in functions))
    pids = [process.pid for process in processes]
    with contextlib.ExitStack() as stack:
        try:
            recording = stack.enter_context(device.tracing.record(kprobes=probes, pids=pids))
        except ProbeRefusedError:
            later = [each.probe for function in functions for each in function.all[1:]]
            probes = tuple(filter(device.tracing.can_probe, (*probes, *later)))
            if mark not in probes:
                yield None
                return
            recording = stack.enter_context(device.tracing.record(kprobes=probes, pids=pids))
        yield CopyCounts(recording, probes)
    if recording.lost:
        raise LostEventsError(f"the kernel lost events: {recording.lost}.")


def _mark(architecture: Architecture) -> Kprobe:
    return Kprobe(f"{architecture.syscall_prefix}sys_{MARK.syscall.name}")


def _move(event: TraceEvent) -> Move | None:
    """The move that an event shows; None where it is of no copying function, or nothing was copied in."""
    function = _BY_EVENT.get(event.name)
    size = int(event.fields[function.field]) if function else 0
    if function is None or size <= 0 or (function is RUST_IN and event.fields["to_user"]):
        return None
    source = event.fields.get("from")
    return Move(function.name, size, None if source is None else int(source))
