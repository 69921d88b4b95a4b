from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.binder_transactions import Hop
from harness.kernel.tracing.events import parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.recording import statistics
from harness.recording.statistics import OTHERS, Held, HeldBuffers, Key, Statistics
from tests.support.made_hops import hops

TRACE = """\
 client-20 (  20) [000] ..... 1.000000: binder_transaction: transaction=1 dest_node=3 dest_proc=30 \
dest_thread=0 reply=0 flags=0x10 code=0x7
 other-50 (  50) [001] ..... 1.000001: binder_transaction: transaction=2 dest_node=3 dest_proc=30 \
dest_thread=0 reply=0 flags=0x11 code=0x8
 client-20 (  20) [000] ..... 1.000010: binder_transaction_alloc_buf: transaction=1 data_size=96 \
offsets_size=8 extra_buffers_size=0
 other-50 (  50) [001] ..... 1.000011: binder_transaction_alloc_buf: transaction=2 data_size=40 \
offsets_size=0 extra_buffers_size=0
 server-31 (  30) [001] ..... 1.000100: binder_transaction_received: transaction=1
 server-31 (  30) [001] ..... 1.000200: binder_transaction: transaction=3 dest_node=0 dest_proc=20 \
dest_thread=20 reply=1 flags=0x0 code=0x0
 server-31 (  30) [001] ..... 1.000210: binder_transaction_alloc_buf: transaction=3 data_size=4 \
offsets_size=0 extra_buffers_size=0
 client-20 (  20) [000] ..... 1.000400: binder_transaction_received: transaction=3
 server-32 (  30) [001] ..... 1.000500: binder_transaction_received: transaction=2
"""
RELEASE = """\
 server-31 (  30) [001] ..... 1.000600: binder_transaction_buffer_release: transaction=1 data_size=96 \
offsets_size=8 extra_buffers_size=0
"""
EXIT = " server-30 (  30) [001] ..... 2.000000: sched_process_exit: comm=server pid=30 prio=120\n"


def test_a_row_for_each_caller_callee_and_method() -> None:
    counted = Statistics(code_names)
    counted.add(parse_hops(parse_trace(TRACE).events))
    assert counted.transactions == 3
    assert counted.rows.keys() == {
        Key("client", "server", "", "code 7"),
        Key("other", "server", "", "code 8"),
    }
    call, one_way = counted.rows.values()
    assert (call.calls, call.one_way, call.bytes, call.largest, call.failures) == (1, 0, 96, 96, 0)
    assert call.round_trips.quantile(0.5) == pytest.approx(0.0004, rel=0.03)
    assert (one_way.calls, one_way.one_way, one_way.bytes) == (0, 1, 40)
    assert one_way.deliveries.quantile(1) == pytest.approx(0.0005, rel=0.03)
    assert counted.by_interface().keys() == {Key("client", "server", ""), Key("other", "server", "")}


@given(st.lists(hops(), max_size=30))
def test_rows_are_bounded_and_count_everything(made: list[Hop]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "MOST_ROWS", 3)
        counted = Statistics(code_names)
        counted.add(made)
    assert len(counted.rows) <= 4
    assert (len(counted.rows) == 4) == (Key(OTHERS, OTHERS, "") in counted.rows)
    assert sum(row.count for row in counted.rows.values()) == sum(not hop.reply for hop in made)


def held(text: str) -> dict[int, Held]:
    buffers = HeldBuffers()
    for event in parse_trace(text).events:
        buffers.take(event)
    return buffers.processes


def test_buffers_are_held_until_they_are_released() -> None:
    assert held(TRACE) == {30: Held(2, 144, 144), 20: Held(1, 4, 4)}
    assert held(TRACE + RELEASE + RELEASE) == {30: Held(1, 40, 144), 20: Held(1, 4, 4)}


def test_a_process_that_has_ended_holds_nothing() -> None:
    assert held(TRACE + EXIT + RELEASE) == {20: Held(1, 4, 4)}
