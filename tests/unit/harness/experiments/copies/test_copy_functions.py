"""How a trace becomes counts, and what a kernel that refuses probes leaves of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.architecture import X86_64
from harness.agent.thread import RemoteThread
from harness.device.device import Device, DeviceProcess
from harness.experiments.copies.copy_functions import (
    BINDER_IN,
    COPY_FUNCTIONS,
    MESSAGE_IN,
    PIPE_IN,
    PIPE_OUT,
    RUST_IN,
    USER_COPY_CHECK,
    Copied,
    CopyCounts,
    CopyFunction,
    LostEventsError,
    Move,
    count_copies,
    sections,
)
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Probe
from harness.kernel.tracing.recording import Lost, Recording
from harness.kernel.tracing.tracefs import ProbeRefusedError

MARK = "__x64_sys_getppid_entry"
TID = 7
THREAD = cast(RemoteThread, SimpleNamespace(tid=TID, architecture=X86_64))


def event(name: str, tid: int = TID, **fields: int | str) -> TraceEvent:
    return TraceEvent(0.0, 0, "agent", tid, None, name, fields, "")


def copied(function: CopyFunction, size: int, **fields: int) -> TraceEvent:
    return event(function.probe.event, **{function.field: size, **fields})


def checked(size: int, *, to_user: bool) -> TraceEvent:
    return event(USER_COPY_CHECK.event, n=size, to_user=int(to_user))


def counts(events: Sequence[TraceEvent], *probes: Probe) -> CopyCounts:
    return CopyCounts(cast(Recording, SimpleNamespace(events=lambda: tuple(events))), probes)


@given(st.lists(st.lists(st.sampled_from("abc")), max_size=6), st.sampled_from("abc"))
def test_sections_are_what_lies_between_marks_and_nothing_else(parts: list[list[str]], noise: str) -> None:
    events = [event(noise)]
    for part in parts:
        events += [event(MARK), *map(event, part), event(MARK), event(noise)]
    assert [[found.name for found in section] for section in sections(events, MARK)] == parts


def test_a_section_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        sections([event(MARK), event("a")], MARK)


def test_bytes_are_counted_by_function_between_the_marks_of_one_thread() -> None:
    trace = [
        copied(MESSAGE_IN, 1),
        event(MARK),
        event(MARK, tid=8),
        copied(BINDER_IN, 0, **{"from": 0x1000}),
        copied(BINDER_IN, 100, **{"from": 0x1000}),
        event(BINDER_IN.probe.event, tid=8, bytes=1000, **{"from": 0}),
        copied(PIPE_OUT, -11),
        checked(100, to_user=False),
        checked(64, to_user=True),
        event(MARK),
        checked(1, to_user=True),
        event(MARK),
        copied(PIPE_OUT, 5),
        event(MARK),
    ]
    first, second = counts(trace, USER_COPY_CHECK).of(THREAD)
    assert first.moves == (Move(BINDER_IN.name, 100, 0x1000),)
    assert (first.moved, first.moved_by(BINDER_IN), first.moved_by(PIPE_OUT)) == (100, 100, 0)
    assert (first.checked_in, first.checked_out) == (100, 64)
    assert second.moves == (Move(PIPE_OUT.name, 5, None),)
    assert (second.checked_in, second.checked_out) == (0, 0)


def test_a_kernel_without_the_check_gives_no_count_of_it() -> None:
    (only,) = counts([event(MARK), event(MARK)]).of(THREAD)
    assert (only.checked_in, only.checked_out) == (None, None)


def test_only_a_function_that_is_probed_is_seen() -> None:
    some = counts([], BINDER_IN.probe)
    assert some.sees(BINDER_IN)
    assert not some.sees(BINDER_IN, PIPE_OUT)


class FakeTracing:
    """A kernel that lets some functions be probed."""

    def __init__(self, functions: Iterable[str], lost: Lost) -> None:
        self._functions = frozenset(functions)
        self._lost = lost

    def can_probe(self, probe: Probe) -> bool:
        return probe.function in self._functions

    @contextmanager
    def record(self, *, kprobes: Sequence[Probe], pids: Sequence[int]) -> Iterator[SimpleNamespace]:
        assert list(pids) == [PROCESS.pid]
        if not all(map(self.can_probe, kprobes)):
            raise ProbeRefusedError("the kernel refuses")
        yield SimpleNamespace(lost=self._lost, events=lambda: (event(MARK), event(MARK)))


PROCESS = cast(DeviceProcess, SimpleNamespace(pid=5))
NOTHING_LOST = Lost(0, 0, 0)
MARKED = "__x64_sys_getppid"
EVERYTHING = (MARKED, USER_COPY_CHECK.function, *(function.name for function in COPY_FUNCTIONS))


def device(*functions: str, kprobes: bool = True, lost: Lost = NOTHING_LOST) -> Device:
    facts = SimpleNamespace(kprobes=kprobes)
    tracing = FakeTracing(functions, lost)
    return cast(Device, SimpleNamespace(facts=facts, tracing=tracing, architecture=X86_64))


def test_all_functions_are_probed_where_the_kernel_lets_them() -> None:
    with count_copies(device(*EVERYTHING), PROCESS) as counted:
        assert counted is not None
    assert counted.sees(*COPY_FUNCTIONS)
    assert counted.of(THREAD) == [Copied((), 0, 0)]


def test_what_the_kernel_refuses_is_left_out() -> None:
    with count_copies(device(MARKED, PIPE_OUT.name), PROCESS) as counted:
        assert counted is not None
    assert counted.sees(PIPE_OUT)
    assert not counted.sees(BINDER_IN)
    assert counted.of(THREAD) == [Copied((), None, None)]


def test_a_function_that_has_another_name_in_later_kernels_is_seen() -> None:
    with count_copies(device(MARKED, "anon_pipe_read"), PROCESS) as counted:
        assert counted is not None
    assert counted.sees(PIPE_OUT)
    assert not counted.sees(PIPE_IN)
    (later,) = PIPE_OUT.all[1:]
    (read,) = counts([event(MARK), copied(later, 9), event(MARK)], later.probe).of(THREAD)
    assert read.moved == 9


def test_of_the_check_what_goes_to_user_memory_is_no_copy_of_the_driver_in_rust() -> None:
    events = [event(MARK), copied(RUST_IN, 4096, to_user=0), copied(RUST_IN, 64, to_user=1), event(MARK)]
    (only,) = counts(events, RUST_IN.probe).of(THREAD)
    assert only.moves == (Move("__check_object_size", 4096, None),)


@pytest.mark.parametrize("bare", [device(*EVERYTHING, kprobes=False), device(BINDER_IN.name)])
def test_a_kernel_that_cannot_be_probed_counts_nothing(bare: Device) -> None:
    with count_copies(bare, PROCESS) as counted:
        assert counted is None


def test_lost_events_are_an_error() -> None:
    lossy = device(*EVERYTHING, lost=Lost(1, 0, 0))
    with pytest.raises(LostEventsError, match="overwritten=1"), count_copies(lossy, PROCESS):
        pass
