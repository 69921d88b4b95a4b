"""Binder's records as people paste them: of old kernels, from Windows, from grep, broken, of a vendor."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.binder_debug.state import BufferState, Reference, State, Transaction
from harness.kernel.binder_debug.state_parser import parse_state
from harness.kernel.binder_debug.stats import parse_stats
from harness.kernel.binder_debug.transaction_log import CallType, parse_transaction_log
from tests.unit.harness.kernel.binder_debug.test_debug_files import (
    ANDROID_5_4,
    LINUX_6_1,
    LINUX_6_12,
    LINUX_6_18,
    RUST_6_18,
    STATS_C,
)

TEXTS = [ANDROID_5_4, LINUX_6_1, LINUX_6_12, LINUX_6_18, RUST_6_18]

# 3.10: no context, no need_return, pointers as they are.
LINUX_3_10 = """\
binder state:
dead nodes:
  node 12: u5f1c2a40 c5f1c2a44 hs 0 hw 0 ls 0 lw 0 is 1 iw 1 proc 140
proc 140
  thread 140: l 12
    incoming transaction 9001: d5a3e200 from 201:214 to 140:140 code 3 flags 10 pri 0 r1 node 8 size 72:4 data d8e00028
  thread 151: l 11
  node 8: u5f1c2a00 c5f1c2a04 hs 1 hw 1 ls 0 lw 0 is 2 iw 2 proc 201 305
  ref 9: desc 0 node 1 s 1 w 1 d   (null)
  ref 13: desc 1 dead node 12 s 1 w 1 d e0a1b2c3
  buffer 9001: d8e00028 size 72:4 active
proc 201
  thread 214: l 01
    outgoing transaction 9001: d5a3e200 from 201:214 to 140:140 code 3 flags 10 pri 0 r1
"""  # noqa: E501


def everything(state: State) -> list[Transaction]:
    blocks = [*state.processes, *([state.fragment] if state.fragment else [])]
    found = [each for block in blocks for each in block.transactions]
    found += [each for block in blocks for thread in block.threads for each in thread.transactions]
    found += [each for block in blocks for node in block.nodes for each in node.transactions]
    return sorted(found, key=lambda each: each.line)


def test_linux_3_10() -> None:
    state = parse_state(LINUX_3_10)
    assert state.unknown_lines == ()
    assert [node.debug_id for node in state.dead_nodes] == [12]
    receiver, sender = state.processes
    assert (receiver.context, receiver.unknown_lines, sender.unknown_lines) == (None, (), ())
    assert receiver.threads[0].transactions[0].to_tid == 140
    assert receiver.buffers[0].state == BufferState.ACTIVE
    assert [reference.death_notification for reference in receiver.references] == [0, 0xE0A1B2C3]


def test_a_null_pointer_is_padded_to_the_width_of_a_pointer() -> None:
    lines = (
        "proc 77\n"
        "  ref 18: desc 0 node 1 s 1 w 1 d           (null)\n"
        "  ref 340: desc 1 node 339 s 1 w 1 d ffffffc04f90a340\n"
        "  buffer 341:           (null) size 4:0 delivered\n"
    )
    (process,) = parse_state(lines).processes
    assert process.references[0] == Reference(
        18, 0, 1, node_dead=False, strong=1, weak=1, death_notification=0
    )
    assert process.references[1].death_notification == 0xFFFFFFC04F90A340
    assert (process.buffers[0].offset, process.buffers[0].hashed_pointer) == (None, 0)
    assert process.unknown_lines == ()


@pytest.mark.parametrize("text", TEXTS)
def test_lines_that_end_in_a_carriage_return(text: str) -> None:
    assert parse_state(text.replace("\n", "\r\n")) == parse_state(text)


def test_counters_that_end_in_a_carriage_return() -> None:
    assert parse_stats(STATS_C.replace("\n", "\r\n")) == parse_stats(STATS_C)


@pytest.mark.parametrize(
    "prefix", ["> ", ">> ", "state:", "/sys/kernel/debug/binder/state:41:", "12:", "    "]
)
def test_what_was_put_before_each_line(prefix: str) -> None:
    assert parse_state(textwrap.indent(ANDROID_5_4, prefix)) == parse_state(ANDROID_5_4)


@given(st.sampled_from([LINUX_6_1, LINUX_6_12, LINUX_6_18]), st.integers(72, 120))
def test_lines_that_a_terminal_broke(text: str, width: int) -> None:
    broken = [
        line[start : start + width] for line in text.splitlines() for start in range(0, len(line), width)
    ]
    assert parse_state("\n".join(broken)) == parse_state(text)


@given(st.sampled_from([LINUX_3_10, LINUX_6_1, LINUX_6_12]), st.integers(72, 120))
def test_lines_that_a_mail_program_broke(text: str, width: int) -> None:
    broken = [
        piece for line in text.splitlines() for piece in textwrap.wrap(line, width, drop_whitespace=True)
    ]
    whole = [each.debug_id for each in everything(parse_state(text))]
    assert [each.debug_id for each in everything(parse_state("\n".join(broken)))] == whole


def test_a_long_list_of_holders_that_was_broken() -> None:
    holders = [*range(1000, 1100)]
    line = f"  node 5: u0 c0 hs 1 hw 1 ls 1 lw 1 is 100 iw 100 proc {' '.join(map(str, holders))}"
    (process,) = parse_state("proc 1\n" + "\n".join(textwrap.wrap(line, 80, drop_whitespace=True))).processes
    assert process.nodes[0].holders == tuple(holders)


def test_single_lines_have_no_process_but_their_own_ends() -> None:
    state = parse_state(
        "    pending transaction 201: ffffffc0aa from 120:124 to 1470:0 code 5 flags 10 pri 0:120 r1 node 16 "
        "size 7280:0 data ffffff8005f5df48\n"
        "  incoming transaction 143: 00000000 from 104:104 to 103:152 code 7 flags 10 pri 0:120 r1\n"
    )
    assert (state.processes, state.unknown_lines) == ((), ())
    assert [(each.role, each.from_tid, each.to_pid) for each in everything(state)] == [
        ("pending", 124, 1470),
        ("incoming", 104, 103),
    ]


def test_a_vendor_s_word_before_a_transaction_and_figures_after_it() -> None:
    text = (
        "proc 1234\ncontext binder\n  thread 1234: l 12 need_return 0 tr 0\n"
        "MIUI    outgoing transaction 18: from 1234:1234 to 5678:5690 code 4 elapsed 5000ms\n"
        "    incoming transaction 17: 0 from 9:9 to 1234:1234 code 1 flags 10 pri 0:120 r1 start 77.000123 "
        "android 2020-01-01 00:00:00.000 node 3 size 8:0 data 00000000cafe0000\n"
    )
    (process,) = parse_state(text).processes
    assert process.unknown_lines == ()
    outgoing, incoming = process.threads[0].transactions
    assert (outgoing.elapsed_ms, outgoing.flags, outgoing.to_tid, outgoing.line) == (5000, None, 5690, 4)
    assert (incoming.node, incoming.data_size) == (3, 8)
    assert incoming.other == "start 77.000123 android 2020-01-01 00:00:00.000"


@pytest.mark.parametrize("text", TEXTS)
def test_where_all_indentation_is_lost(text: str) -> None:
    bare = parse_state("\n".join(line.strip() for line in text.splitlines()))
    # What waits for a process looks then as if it waited for the last thread or node before it.
    assert [each.debug_id for each in everything(bare)] == [
        each.debug_id for each in everything(parse_state(text))
    ]


def test_every_record_knows_its_line() -> None:
    (process, _) = parse_state(LINUX_3_10, first_line=101).processes
    (first, second), (node,), references, (buffer,) = (
        process.threads,
        process.nodes,
        process.references,
        process.buffers,
    )
    assert (process.line, first.line, second.line, node.line, buffer.line) == (104, 105, 107, 108, 111)
    assert [reference.line for reference in references] == [109, 110]
    assert first.transactions[0].line == 106


def test_logs_of_old_kernels() -> None:
    log = parse_transaction_log(
        "24418: async from 713:713 to 1731:0 node 1809 handle 1 size 156:0\r\n"
        "24419: reply from 733:5038 to 1731:4738 node 0 handle -1 size 0:0\r\n"
        "0: async from 782:1138 to 0:0 node 974 handle 8 size 88:8\r\n"
        "1001: call  from 466:466 to 344:0 context binder node 4 handle 0 size 104:0\r\n"
        "1002: call  from 466:466 to 344:0 context binder node 4 handle\r\n"
        " 0 size 104:0 ret 29201/-28 l=3146\r\n"
    )
    assert log.unknown_lines == ()
    assert [entry.call_type for entry in log.entries[:2]] == [CallType.ASYNC, CallType.REPLY]
    assert [entry.context for entry in log.entries] == [None, None, None, "binder", "binder"]
    assert [entry.return_error_param for entry in log.entries] == [None, None, None, None, -28]
    assert [entry.line for entry in log.entries] == [1, 2, 3, 4, 5]


@given(
    st.lists(st.sampled_from("".join([*TEXTS, LINUX_3_10]).splitlines())).map("\n".join), st.integers(20, 90)
)
def test_no_order_and_no_break_is_an_error(text: str, width: int) -> None:
    parse_state("\n".join(text[start : start + width] for start in range(0, len(text), width)))
