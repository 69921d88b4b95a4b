"""A trace that is read while it is recorded: in order of time, each event once."""

from __future__ import annotations

import struct
from collections import deque
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.files import Pipe
from harness.kernel.tracing import live_trace
from harness.kernel.tracing.event_format import EventFormat, parse_event_format
from harness.kernel.tracing.live_trace import LiveTrace
from harness.kernel.tracing.recording import Lost
from tests.support.trace_pages import page_of

FORMAT = """\
name: binder_transaction_received
ID: 9
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int debug_id;\toffset:8;\tsize:4;\tsigned:1;
"""


def known() -> EventFormat:
    found = parse_event_format(FORMAT, {"debug_id": "transaction"})
    assert found is not None
    return found


class FakeCpu:
    """A processor's buffer: pages of four events; a reader gets also the one that is being filled."""

    def __init__(self) -> None:
        self.events: deque[tuple[int, bytes]] = deque()
        self.damaged: list[bytes] = []
        self.reads = 0

    def record(self, time: int, kind: int = 9) -> None:
        self.events.append((time, struct.pack("<HBBii", kind, 0, 0, 77, time) + bytes(600)))

    def __call__(self, most: int) -> list[bytes]:
        self.reads += most
        pages, self.damaged = self.damaged, []
        while self.events and len(pages) < most:
            events = [self.events.popleft() for _ in range(min(4, len(self.events)))]
            pages.append(page_of(events[0][0], events))
        return pages


def live(*cpus: Pipe) -> tuple[LiveTrace, list[str]]:
    calls: list[str] = []
    recording = SimpleNamespace(pause=lambda: calls.append("pause"), lost=Lost(3, 0, 0))
    return LiveTrace(list(cpus), [known()], cast(Any, recording)), calls


def numbers(trace: LiveTrace) -> list[int | str]:
    return [event.fields["transaction"] for event in trace.read()]


def test_what_a_later_processor_recorded_waits_for_the_earlier_ones() -> None:
    first, second = FakeCpu(), FakeCpu()
    trace, calls = live(first, second)
    second.record(5)
    assert numbers(trace) == []
    first.record(3)  # before that, but after the first processor was read
    assert numbers(trace) == [3, 5]
    first.record(8)
    trace.stop()
    trace.stop()
    assert numbers(trace) == [8]
    assert calls == ["pause"]
    assert trace.lost == Lost(3, 0, 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(1, 30)), max_size=40))
def test_every_event_is_read_once_and_in_order(steps: list[tuple[bool, int, int]]) -> None:
    """Time goes on with every event, so a reader sees only what is recorded before it reads."""
    cpus = [FakeCpu() for _ in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_trace, "MOST_PAGES", 2)
        trace, _ = live(*cpus)
        read: list[int | str] = []
        written = 0
        for reads, place, count in steps:
            if reads:
                read += numbers(trace)
            for _ in range(count):
                written += 1
                cpus[place].record(written)
        trace.stop()
        read += numbers(trace)
    assert read == list(range(1, written + 1))


def test_pages_are_read_as_long_as_they_are_full() -> None:
    cpu = FakeCpu()
    trace, _ = live(cpu)
    for time in range(400):
        cpu.record(time)
    trace.read()
    assert not cpu.events
    assert cpu.reads == 1 + 2 + 4 + 8 + 16 + 32 + 64
    cpu.record(400)
    trace.read()
    assert cpu.reads == 127 + 64, "as many pages as were full the last time"
    trace.read()
    assert cpu.reads == 127 + 64 + 1


def test_a_damaged_page_and_an_unknown_event_are_counted() -> None:
    cpu = FakeCpu()
    trace, _ = live(cpu)
    cpu.record(1)
    cpu.record(2, kind=10)
    cpu.damaged = [struct.pack("<QQ", 3, 4000)]
    trace.stop()
    assert numbers(trace) == [1]
    assert trace.unreadable == 2
