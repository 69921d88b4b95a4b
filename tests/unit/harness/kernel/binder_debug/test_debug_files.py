"""Binder's records, in texts composed from the formats of each driver."""

from __future__ import annotations

import errno
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.binder_debug.debug_files import BinderDebugFiles, BinderDebugMissingError
from harness.kernel.binder_debug.state import Buffer, BufferState, LooperState, Reference
from harness.kernel.binder_debug.state_parser import parse_state
from harness.kernel.binder_debug.stats import ObjectCount, Pages, ThreadPool, parse_stats
from harness.kernel.binder_debug.transaction_log import CallType, LogEntry, parse_transaction_log
from tests.support.fake_files import FakeFiles

# Android's 5.4: priorities, and hashed pointers throughout.
ANDROID_5_4 = """\
binder state:
dead nodes:
  node 90: u00007f5a00000000 c00007f5a00000010 pri 0:139 hs 0 hw 0 ls 0 lw 0 is 0 iw 1 tr 0 proc 412
proc 412
context hwbinder
  thread 412: l 12 need_return 0 tr 0
    outgoing transaction 77: 00000000deadbeef from 412:412 to 300:305 code 3 flags 10 pri 0:120 r1
    incoming transaction 75: 00000000deadbee0 from 300:300 to 412:412 code 1 flags 10 pri 1:98 r1 node 3 size 100:8 data 00000000cafe0000
    pending transaction 78: 00000000deadbee8 from 0:0 to 412:412 code 1 flags 1 pri 0:120 r0 buffer free
    transaction error: 29189
  node 3: u00007f5a11111111 c00007f5a22222222 pri 0:139 hs 1 hw 1 ls 2 lw 1 is 3 iw 2 tr 1 proc 300 301
    pending async transaction 79: 00000000deadbeaa from 300:300 to 412:0 code 4 flags 11 pri 0:120 r0 node 3 size 12:0 data 00000000cafe0100
  ref 5: desc 0 node 1 s 1 w 1 d 0000000012345678
  ref 91: desc 7 dead node 90 s 0 w 1 d 0000000000000000
  buffer 75: 00000000cafe0000 size 100:8:0 active
  buffer 60: 00000000cafe0200 size 4:0:16 delivered
  pending transaction 80: 00000000deadbebb from 300:301 to 412:0 code 5 flags 10 pri 0:120 r1 node 3 size 0:0 data 00000000cafe0300
  has delivered dead binder
"""  # noqa: E501

# 6.1: the priority is a nice value; everything else as in 5.4.
LINUX_6_1 = """\
binder proc state:
proc 500
context binder
  thread 500: l 00 need_return 1 tr 0
  node 11: u0000000000000000 c0000000000000000 hs 1 hw 1 ls 1 lw 1 is 1 iw 1 tr 0 proc 501
  buffer 33: 000000005d1f9f3c size 10000:0:0 delivered
binder proc state:
proc 500
context vndbinder
  thread 500: l 11 need_return 0 tr 0
    incoming transaction 34: 0000000012340000 from 501:502 to 500:500 code 1 flags 10 pri -10 r1 node 12 size 4:0 data 0000000012341000
"""  # noqa: E501

# 6.12: offsets in place of pointers, and how long a transaction has been under way.
LINUX_6_12 = """\
binder proc state:
proc 500
context vndbinder
  thread 501: l 22 need_return 0 tr 0
    incoming transaction 34: 0000000012340000 from 501:502 to 500:501 code 1 flags 10 pri 0 r1 elapsed 1503ms node 12 size 4:0 offset 3f58
    has frozen binder
  node 12: u0000000000001234 c0000000000005678 hs 1 hw 1 ls 1 lw 0 is 1 iw 1 tr 0 proc 501
  ref 13: desc 1 node 9 s 1 w 1 d 0000000000000000
  buffer 34: 3f58 size 4:0:0 active
  has delivered freeze binder
"""  # noqa: E501

# 6.18's state_hashed: node pointers hashed as well, and the field for asynchronous calls.
LINUX_6_18 = """\
binder state:
proc 500
context binder
  thread 500: l 10 need_return 0 tr 0
    outgoing transaction 40: 00000000aabbccdd from 500:500 to 501:0 code 5f434d44 flags 10 pri 0 a0 r0 elapsed 2ms
  node 12: u00000000aabbccdd c00000000ddccbbaa hs 1 hw 1 ls 1 lw 0 is 1 iw 1 tr 0 proc 501
  buffer 41: 0 size 8:0:0 delivered
"""  # noqa: E501

# The Rust driver of 6.18: words for truth values, and references that end in no newline.
RUST_6_18 = """\
binder state:
proc 600
context binder
  thread 600: l 51 need_return true
    incoming transaction 8: from 601:602 to 600 code 1 flags 10 elapsed 12ms node 3 size 16:0
    (skipped) transaction complete
  node 3: u0000000000001000 c0000000000002000 hs true hw false cs 2 cw 1 proc 601 602
    pending async transaction 9: from 601:601 to 600 code 2 flags 11 elapsed 4ms node 3 size 8:0
  ref 4: desc 0 node 1 s 1 w 0  ref 6: desc 1 dead node 2 s 0 w 1  pending transaction 10: from 601:602 to 600 code 1 flags 10 elapsed 0ms node 3 size 0:0
  has delivered dead binder
  buffer: 0 size 16 pid 601 allocated
  buffer: 16 size 8 pid 601 oneway reserved

proc 601
context binder
  thread 602: l 30 need_return false
  ref 7: desc 0 node 1 s 1 w 0  buffer 0: 64 size 24 pid 600 oneway false allocated

"""  # noqa: E501

# The Rust driver of 7.3: the first node of all has the number 0, and so has every buffer.
RUST_7_3 = """\
binder state:
proc 90
context binder
  thread 90: l 42 need_return false
  node 0: u0000000000000000 c0000000000000000 hs true hw true cs 2 cw 0 proc 300
  pending transaction 2: from 300:301 to 90 code 5f504e47 flags 10 elapsed 3ms node 0 size 0:0

proc 200
context vndbinder
  thread 201: l 02 need_return false
    incoming transaction 9: from 300:301 to 200 code 1 flags 10 elapsed 70ms node 7 size 32:8
    node work 7: u0000000000000000 c0000000000000000
  node 7: u0000000000000000 c0000000000000000 hs true hw true cs 3 cw 0 proc 300
    pending async transaction 11: from 300:302 to 200 code 4 flags 11 elapsed 9ms node 7 size 64:0
  buffer 0: 0 size 40 pid 300 oneway false allocated
  buffer 0: 40 size 64 pid 300 oneway true reserved

proc 300
context vndbinder
  thread 301: l 02 need_return false
    outgoing transaction 9: from 300:301 to 200 code 1 flags 10 elapsed 70ms node 7 size 32:8
    transaction complete
  ref 1: desc 0 node 0 s 1 w 0  ref 8: desc 1 node 7 s 1 w 1  has delivered dead binder

"""


def test_android_5_4() -> None:
    state = parse_state(ANDROID_5_4)
    assert state.unknown_lines == ()
    (dead,) = state.dead_nodes
    assert (dead.debug_id, dead.holders, dead.scheduling_policy, dead.priority) == (90, (412,), 0, 139)
    (process,) = state.of_process(412)
    assert process.context == "hwbinder"
    assert process.unknown_lines == ()
    assert process.work == ("has delivered dead binder",)

    (thread,) = process.threads
    assert thread.looper == LooperState.ENTERED | LooperState.WAITING
    assert thread.need_return is False
    assert thread.work == ("transaction error: 29189",)
    outgoing, incoming, freed = thread.transactions
    assert (outgoing.role, outgoing.to_pid, outgoing.to_tid, outgoing.data_size) == (
        "outgoing",
        300,
        305,
        None,
    )
    assert (incoming.scheduling_policy, incoming.priority, incoming.needs_reply) == (1, 98, True)
    assert (incoming.node, incoming.data_size, incoming.offsets_size) == (3, 100, 8)
    assert (incoming.offset, incoming.hashed_pointer) == (None, 0xCAFE0000)
    assert freed.buffer_freed
    assert not freed.needs_reply

    (node,) = process.nodes
    assert (node.local_strong, node.local_weak, node.internal_strong, node.internal_weak) == (2, 1, 3, 2)
    assert (node.has_strong_reference, node.has_weak_reference) == (True, True)
    assert (node.temporary_references, node.holders) == (1, (300, 301))
    (waiting,) = node.transactions
    assert (waiting.role, waiting.to_tid, waiting.code) == ("pending async", 0, 4)

    assert process.references == (
        Reference(5, 0, 1, node_dead=False, strong=1, weak=1, death_notification=0x12345678),
        Reference(91, 7, 90, node_dead=True, strong=0, weak=1, death_notification=0),
    )
    active, delivered = process.buffers
    assert (active.state, active.offset, active.hashed_pointer) == (BufferState.ACTIVE, None, 0xCAFE0000)
    assert (delivered.data_size, delivered.offsets_size, delivered.extra_size) == (4, 0, 16)
    assert [transaction.debug_id for transaction in process.transactions] == [80]


def test_linux_6_1_has_one_block_for_each_open_file() -> None:
    blocks = parse_state(LINUX_6_1).of_process(500)
    assert [block.context for block in blocks] == ["binder", "vndbinder"]
    assert blocks[0].nodes[0].priority is None
    assert blocks[0].buffers[0].hashed_pointer == 0x5D1F9F3C
    assert blocks[1].threads[0].transactions[0].priority == -10
    assert blocks[1].threads[0].transactions[0].elapsed_ms is None
    assert blocks[1].threads[0].transactions[0].is_reply is None
    assert all(block.unknown_lines == () for block in blocks)


def test_linux_6_12_prints_offsets() -> None:
    (process,) = parse_state(LINUX_6_12).processes
    expected = Buffer(34, 0x3F58, None, 4, 0, 0, BufferState.ACTIVE, sender=None, oneway=None)
    assert process.buffers == (expected,)
    (thread,) = process.threads
    assert thread.looper == LooperState.ENTERED | LooperState.POLL
    assert thread.transactions[0].elapsed_ms == 1503
    assert thread.transactions[0].offset == 0x3F58
    assert thread.work == ("has frozen binder",)
    assert process.work == ("has delivered freeze binder",)
    assert process.unknown_lines == ()


def test_an_offset_subtracted_the_wrong_way_round() -> None:
    text = LINUX_6_12.replace("offset 3f58", f"offset {(1 << 64) - 0x3F58:x}")
    assert parse_state(text) == parse_state(LINUX_6_12)


def test_linux_6_18() -> None:
    (process,) = parse_state(LINUX_6_18).processes
    (outgoing,) = process.threads[0].transactions
    assert (outgoing.is_async, outgoing.is_reply, outgoing.needs_reply) == (False, False, True)
    assert outgoing.code == 0x5F434D44
    assert process.nodes[0].pointer == 0xAABBCCDD
    assert process.buffers[0].offset == 0
    assert process.unknown_lines == ()


def test_the_rust_driver() -> None:
    state = parse_state(RUST_6_18)
    first, second = state.processes
    assert (state.unknown_lines, first.unknown_lines, second.unknown_lines) == ((), (), ())
    (thread,) = first.threads
    assert thread.looper == LooperState.REGISTERED | LooperState.WAITING | LooperState.POLL
    assert thread.need_return is True
    assert thread.temporary_references is None
    assert thread.work == ("(skipped) transaction complete",)
    assert thread.transactions[0].to_tid is None
    (node,) = first.nodes
    assert (node.strong, node.weak, node.local_strong, node.holders) == (2, 1, None, (601, 602))
    assert (node.has_strong_reference, node.has_weak_reference) == (True, False)
    assert [reference.handle for reference in first.references] == [0, 1]
    assert first.references[1].node_dead
    assert first.references[0].death_notification is None
    assert [transaction.debug_id for transaction in first.transactions] == [10]
    assert first.buffers == (
        Buffer(None, 0, None, 16, None, None, BufferState.ALLOCATED, sender=601, oneway=False),
        Buffer(None, 16, None, 8, None, None, BufferState.RESERVED, sender=601, oneway=True),
    )
    assert second.threads[0].looper == LooperState.WAITING | LooperState.WAITING_PROC
    assert (second.buffers[0].debug_id, second.buffers[0].oneway) == (None, False)


def test_debug_ids_of_the_rust_driver_begin_with_0() -> None:
    state = parse_state(RUST_7_3)
    assert [state.unknown_lines, *(block.unknown_lines for block in state.processes)] == [()] * 4
    manager, server, client = state.processes
    (node,) = manager.nodes
    assert (node.debug_id, node.has_strong_reference, manager.context) == (0, True, "binder")
    assert (manager.transactions[0].debug_id, manager.transactions[0].node) == (2, 0)
    assert server.threads[0].transactions[0].node == 7
    assert server.nodes[0].transactions[0].is_async is None
    assert [buffer.debug_id for buffer in server.buffers] == [None, None]
    assert [buffer.state for buffer in server.buffers] == [BufferState.ALLOCATED, BufferState.RESERVED]
    assert [(reference.handle, reference.node) for reference in client.references] == [(0, 0), (1, 7)]
    assert client.work == ("has delivered dead binder",)


def test_figures_of_a_later_kernel_are_kept() -> None:
    text = LINUX_6_12.replace("tr 0 proc 501", "tr 0 zz 7 proc 501").replace(
        "need_return 0 tr 0", "need_return 0 q 1"
    )
    (process,) = parse_state(text).processes
    assert process.nodes[0].other == {"zz": "7"}
    assert process.threads[0].other == {"q": "1"}


TEXTS = [ANDROID_5_4, LINUX_6_1, LINUX_6_12, LINUX_6_18, RUST_6_18, RUST_7_3]


@given(st.sampled_from(TEXTS), st.data())
def test_an_unknown_line_is_kept_wherever_it_is(text: str, data: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    strange = data.draw(st.sampled_from(["strange", "  strange 1: x", "    strange deep", "  node 3: odd"]))
    index = data.draw(st.integers(1, len(lines)))
    whole = parse_state("".join([*lines[:index], f"{strange}\n", *lines[index:]]))
    kept = [*whole.unknown_lines]
    for process in whole.processes:
        kept += process.unknown_lines
    assert strange in kept


@given(st.text() | st.lists(st.sampled_from("".join(TEXTS).splitlines())).map("\n".join))
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    parse_state(text)
    parse_stats(text)
    parse_transaction_log(text)


def test_parsing_takes_time_linear_in_the_number_of_nodes() -> None:
    def seconds(nodes: int) -> float:
        lines = [
            f"  node {i}: u{i:016x} c{i:016x} hs 1 hw 1 ls 1 lw 1 is 1 iw 1 tr 0 proc 7" for i in range(nodes)
        ]
        joined = "".join(f"  ref {i}: desc {i} node {i} s 1 w 0" for i in range(nodes))
        text = "\n".join(["proc 7", "context binder", *lines, joined, ""])
        start = time.process_time()
        (process,) = parse_state(text).processes
        assert len(process.nodes) == len(process.references) == nodes
        return time.process_time() - start

    few = min(seconds(1_000) for _ in range(3))
    assert seconds(10_000) < few * 10 * 4


STATS_C = """\
binder stats:
BC_TRANSACTION: 12
BC_FREE_BUFFER: 11
BR_NOOP: 30
proc: active 3 total 9
transaction_complete: active -1 total 40
proc 500
context vndbinder
  threads: 2
  requested threads: 1+2/15
  ready threads 1
  free async space 520192
  nodes: 3
  refs: 4 s 5 w 6
  buffers: 7
  pages: 3:1:251
  pages high watermark: 4
  pending transactions: 2
  BC_REPLY: 11
  BR_TRANSACTION: 11
  node: active 1 total 2
proc 500
context binder
  threads: 0
  something new: 5
"""

STATS_RUST = """\
binder stats:
BC_TRANSACTION: 2
proc 600
context binder
  threads: 1
  requested threads: 0+0/0
  free oneway space: 65536
  buffers: 1
  outstanding transactions: 1
  nodes: 0
  refs: 1 s 1 w 0
  BR_NOOP: 5

"""


def test_stats_of_the_c_driver() -> None:
    stats = parse_stats(STATS_C)
    assert stats.counters.commands == {"BC_TRANSACTION": 12, "BC_FREE_BUFFER": 11}
    assert stats.counters.returns == {"BR_NOOP": 30}
    assert stats.counters.objects["transaction_complete"] == ObjectCount(-1, 40)
    first, second = stats.of_process(500)
    assert (first.context, first.threads, first.ready_threads) == ("vndbinder", 2, 1)
    assert first.pool == ThreadPool(requested=1, started=2, maximum=15)
    assert first.pages == Pages(active=3, lru=1, free=251)
    assert (first.pages_high_watermark, first.free_oneway_space, first.pending_transactions) == (4, 520192, 2)
    assert (first.nodes, first.references, first.strong_references, first.weak_references) == (3, 4, 5, 6)
    assert (first.buffers, first.outstanding_transactions, first.unknown_lines) == (7, None, ())
    assert first.counters.commands == {"BC_REPLY": 11}
    assert first.counters.objects == {"node": ObjectCount(1, 2)}
    assert (second.pages, second.pool) == (None, None)
    assert second.unknown_lines == ("  something new: 5",)


def test_stats_of_the_rust_driver() -> None:
    (process,) = parse_stats(STATS_RUST).processes
    assert (process.free_oneway_space, process.outstanding_transactions) == (65536, 1)
    assert (process.pages, process.ready_threads, process.pending_transactions) == (None, None, None)
    assert process.counters.returns == {"BR_NOOP": 5}
    assert process.unknown_lines == ()


ENTRY = LogEntry(
    debug_id=34,
    call_type=CallType.CALL,
    from_pid=501,
    from_tid=502,
    to_pid=500,
    to_tid=0,
    context="vndbinder",
    node=12,
    handle=0,
    data_size=1040392,
    offsets_size=0,
    return_error=29201,
    return_error_param=-28,
    return_error_line=3434,
    complete=True,
    other="",
)


def printed(entry: LogEntry) -> str:
    """As print_binder_transaction_log_entry prints it."""
    return (
        f"{entry.debug_id}: {entry.call_type.value:<5} from {entry.from_pid}:{entry.from_tid} "
        f"to {entry.to_pid}:{entry.to_tid} context {entry.context} node {entry.node} handle {entry.handle} "
        f"size {entry.data_size}:{entry.offsets_size} "
        f"ret {entry.return_error}/{entry.return_error_param} l={entry.return_error_line}"
        f"{'' if entry.complete else ' (incomplete)'}"
    )


counts = st.integers(0, (1 << 31) - 1)
entries = st.builds(
    replace,
    st.just(ENTRY),
    debug_id=counts,
    call_type=st.sampled_from(CallType),
    from_pid=counts,
    to_tid=counts,
    context=st.sampled_from(["", "binder", "hwbinder", "my-device.1"]),
    handle=st.integers(-1, 1 << 20),
    data_size=counts,
    return_error_param=st.integers(-133, 0),
    return_error_line=counts,
    complete=st.booleans(),
)


@given(st.lists(entries))
def test_log_entries_come_back_as_they_were_printed(expected: list[LogEntry]) -> None:
    log = parse_transaction_log("".join(f"{printed(entry)}\n" for entry in expected))
    assert log.entries == tuple(expected)
    assert log.unknown_lines == ()


def test_a_log_entry_with_more_than_is_known() -> None:
    log = parse_transaction_log(f"{printed(ENTRY)} start 12.5\nodd\n")
    assert log.entries == (replace(ENTRY, other="start 12.5"),)
    assert log.entries[0].failed
    assert log.unknown_lines == ("odd",)


DEBUGFS = "/sys/kernel/debug/binder"
LOGS = "/dev/binderfs/binder_logs"


def test_the_first_location_that_can_be_read_is_used() -> None:
    binder = BinderDebugFiles(FakeFiles({f"{LOGS}/state": LINUX_6_12, f"{LOGS}/stats": STATS_C}))
    assert binder.location == LOGS
    assert [process.pid for process in binder.state().processes] == [500]
    assert binder.stats().of_process(500)[0].pages == Pages(3, 1, 251)


def test_the_blocks_of_a_process() -> None:
    binder = BinderDebugFiles(FakeFiles({f"{DEBUGFS}/state": LINUX_6_1, f"{DEBUGFS}/proc/500": LINUX_6_1}))
    process = binder.process(500)
    assert [block.context for block in process.blocks] == ["binder", "vndbinder"]
    assert len(process.threads) == 2
    assert [buffer.debug_id for buffer in process.buffers] == [33]
    assert process.in_context("vndbinder").buffers == ()
    assert [node.debug_id for node in process.nodes] == [11]


def test_a_process_whose_own_file_went_with_its_first_open_file() -> None:
    binder = BinderDebugFiles(FakeFiles({f"{DEBUGFS}/state": LINUX_6_1}))
    assert len(binder.process(500).blocks) == 2
    assert binder.process(501).blocks == ()


def test_the_logs_and_the_transactions_under_way() -> None:
    text = f"{printed(ENTRY)}\n"
    files = FakeFiles(
        {
            f"{DEBUGFS}/state": "binder state:\n",
            f"{DEBUGFS}/transactions": LINUX_6_12.replace("proc state", "transactions"),
            f"{DEBUGFS}/transaction_log": text * 2,
            f"{DEBUGFS}/failed_transaction_log": text,
        }
    )
    binder = BinderDebugFiles(files)
    assert binder.transactions().processes == parse_state(LINUX_6_12).processes
    assert len(binder.transaction_log().entries) == 2
    assert binder.failed_transaction_log().entries == (ENTRY,)


def test_records_that_are_nowhere() -> None:
    files = FakeFiles({f"{LOGS}/proc/1": ""}, errors={DEBUGFS: errno.EACCES})
    with pytest.raises(BinderDebugMissingError) as caught:
        BinderDebugFiles(files).state()
    message = str(caught.value)
    assert f"{DEBUGFS}: Permission denied" in message
    assert f"{LOGS}: has no file `state`" in message
    assert "`user` builds" in message


def test_a_driver_that_keeps_no_logs() -> None:
    binder = BinderDebugFiles(FakeFiles({f"{LOGS}/state": RUST_6_18}))
    with pytest.raises(BinderDebugMissingError, match="the driver in Rust keeps no transaction logs"):
        binder.transaction_log()


def test_records_are_shown_short_at_the_prompt() -> None:
    state = parse_state(LINUX_6_12 + RUST_6_18.removeprefix("binder state:\n"))
    assert repr(state) == "<State: 3 processes, 3 threads, 2 nodes, 4 handles, 4 buffers>"
    android = parse_state(ANDROID_5_4)
    assert repr(android) == "<State: 1 process, 1 thread, 1 node, 2 handles, 2 buffers, 1 dead node>"
    binder = BinderDebugFiles(FakeFiles({"/logs/state": LINUX_6_12, "/logs/proc/500": LINUX_6_12}), ["/logs"])
    assert repr(binder).startswith("<BinderDebugFiles of a device: ")
    assert (
        repr(binder.process(500))
        == "<BinderProcess 500: 1 open device, 1 thread, 1 node, 1 handle, 1 buffer>"
    )
    assert repr(binder).startswith("<BinderDebugFiles of /logs: ")


def test_a_record_omits_what_the_kernel_does_not_print() -> None:
    (process,) = parse_state(LINUX_6_12).processes
    assert repr(process.buffers[0]) == (
        "Buffer(debug_id=34, offset=16216, data_size=4, offsets_size=0, extra_size=0, state=ACTIVE)"
    )
    assert "strong=1, weak=1" in repr(process.references[0])
    assert "priority" not in repr(process.nodes[0])
    assert [name for name, _ in process.threads[0].__rich_repr__()] == [
        *("tid", "looper", "need_return", "temporary_references", "transactions", "work")
    ]


def test_codes_and_errnos_are_shown_by_name() -> None:
    assert "return_error=BR_FAILED_REPLY, return_error_param=-ENOSPC, return_error_line=3434" in repr(ENTRY)
    done = replace(ENTRY, return_error=0, return_error_param=0, return_error_line=0)
    assert "return_error=0, return_error_param=0" in repr(done)
    unknown = replace(ENTRY, return_error=5, return_error_param=-4000)
    assert "return_error=5, return_error_param=-4000" in repr(unknown)


@pytest.mark.parametrize("read", ["state", "transactions"])
def test_hashed_files_are_read_where_they_are(read: str) -> None:
    hashed = LINUX_6_18.replace("u0000000000001000", "u00000000c0ffee11")
    there = BinderDebugFiles(FakeFiles({f"{LOGS}/state": LINUX_6_18, f"{LOGS}/{read}_hashed": hashed}))
    assert getattr(there, read)(hashed=True) == parse_state(hashed)
    absent = BinderDebugFiles(FakeFiles({f"{LOGS}/state": LINUX_6_18}))
    with pytest.raises(BinderDebugMissingError, match=rf"{read}_hashed does not exist.*from Linux 6\.18 on"):
        getattr(absent, read)(hashed=True)
