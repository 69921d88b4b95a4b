"""The answers, from records composed for each question."""

from __future__ import annotations

import dataclasses
import io
import itertools
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.inspect.buffers import BufferUse, NodeQueue
from harness.inspect.inspection import Inspection, read, read_sources
from harness.inspect.kinds import Question
from harness.inspect.leaks import Count, Growth
from harness.inspect.pools import Frozen, Pool
from harness.inspect.sources import Source
from harness.inspect.text import json_of, text_of
from harness.inspect.waits import Deadlock, Holder

STATS = """\
binder stats:
proc 783
context vndbinder
  threads: 3
  requested threads: 1+2/2
  ready threads 0
  free async space 515088
  nodes: 1
  refs: 1 s 2 w 0
  buffers: 3
  pages: 2:0:252
  pending transactions: 1
  BR_FROZEN_REPLY: 4
"""
STATE = """\
binder state:
proc 783
context vndbinder
  thread 784: l 12 need_return 0 tr 0
    incoming transaction 316: 0847 from 786:787 to 783:784 code 1 flags 10 pri 0 a0 r0 elapsed 127ms node 315 size 28:8 offset 0
  node 315: u0000000000000000 c0000000000000000 hs 1 hw 1 ls 4 lw 1 is 0 iw 0 tr 1
    pending async transaction 320: 0e47 from 789:790 to 783:0 code 1 flags 11 pri 0 a1 r0 elapsed 8ms node 315 size 5000:0 offset 90
  buffer 316: 0 size 28:8:0 active
  buffer 319: 28 size 100:0:0 active
  buffer 320: 90 size 5000:0:0 active
  pending transaction 319: 0f07 from 789:790 to 783:0 code 1 flags 11 pri 0 a1 r0 elapsed 23ms node 315 size 100:0 offset 28
"""  # noqa: E501


def inspected(tmp_path: Path, *texts: str) -> Inspection:
    paths = [tmp_path / f"dump{number}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return read(*map(str, paths))


def test_who_holds_buffers(tmp_path: Path) -> None:
    queue, use = [answer.value for answer in inspected(tmp_path, STATS, STATE).to(Question.BUFFERS)]
    assert isinstance(use, BufferUse)
    assert (use.buffers, use.used, use.oneway, use.free_oneway) == (3, 40 + 104 + 5000, 5104, 515_088)
    assert (use.mapping, use.free) == (1_040_384, 1_040_384 - 5144)
    assert use.largest_hole == 1_040_384 - (0x90 + 5000)
    assert [(each.sender, each.node, each.size) for each in use.fillers] == [(789, 315, 5104), (786, 315, 40)]
    assert isinstance(queue, NodeQueue)
    assert (queue.node, queue.waiting, queue.current, queue.senders) == (315, 1, 319, (789,))


def test_little_space_for_one_way_calls_shows_in_the_counters(tmp_path: Path) -> None:
    (full,) = inspected(tmp_path, STATS.replace("515088", "62")).to(Question.BUFFERS)
    assert full.sentence.startswith(
        "process 783 has 62 of 520,192 bytes left for one-way calls on vndbinder: larger ones fail"
    )
    assert [place.line for place in full.places] == [2]
    assert inspected(tmp_path, STATS).to(Question.BUFFERS) == ()
    unknown_mapping = STATS.replace("  pages: 2:0:252\n", "")
    assert inspected(tmp_path, unknown_mapping.replace("515088", "65536")).to(Question.BUFFERS) == ()
    assert inspected(tmp_path, unknown_mapping.replace("515088", "62")).to(Question.BUFFERS)


def test_pages_of_16_kib_show_by_the_one_way_space(tmp_path: Path) -> None:
    stats = STATS.replace("2:0:252", "1:0:61").replace("515088", "507904")
    use = inspected(tmp_path, stats, STATE).to(Question.BUFFERS)[1].value
    assert isinstance(use, BufferUse)
    assert use.mapping == 62 * 16_384


def test_a_queue_that_does_not_drain(tmp_path: Path) -> None:
    longer = STATE.replace(
        "  buffer 316",
        "    pending async transaction 321: 0e48 from 789:790 to 783:0 code 1 flags 11 pri 0 a1 r0 node 315 "
        "size 8:0 offset 1500\n  buffer 316",
    )
    first = inspected(tmp_path, STATE, longer).to(Question.BUFFERS)[0]
    assert first.sentence == (
        "The one-way queue of node 315 in process 783 does not drain: transaction 320 heads it in both "
        "dumps, and 1 waiting call became 2."
    )
    assert [place.line for place in first.places] == [6]


def test_threads_exhausted(tmp_path: Path) -> None:
    (answer,) = inspected(tmp_path, STATS, STATE).to(Question.THREADS)
    assert isinstance(answer.value, Pool)
    assert (answer.value.loopers, answer.value.busy, answer.value.pending) == (1, 1, 1)
    assert "it started 2 of at most 2 further threads, and 1 more are requested" in answer.sentence
    assert [place.line for place in answer.places] == [4, 11]
    (by_stats,) = inspected(tmp_path, STATS).to(Question.THREADS)
    assert by_stats.sentence.startswith("process 783 has no thread ready while 1 transaction waits")


def test_a_looper_that_is_free_helps(tmp_path: Path) -> None:
    free = STATE.replace("  node 315: u", "  thread 785: l 11 need_return 0 tr 0\n  node 315: u")
    assert inspected(tmp_path, free).to(Question.THREADS) == ()


def test_frozen_with_pending_work(tmp_path: Path) -> None:
    frozen = "  Apps frozen: 1\n    499170472: 783 org.example.cached\n"
    pending, caller = inspected(tmp_path, STATE, frozen, STATS).to(Question.FROZEN)
    assert pending.value == Frozen(783, "the activity manager's list `Apps frozen`", 2, 3)
    assert pending.sentence.startswith("org.example.cached (783) is frozen")
    assert (
        caller.sentence == "org.example.cached (783) called frozen processes: it received 4 BR_FROZEN_REPLY."
    )


def handles(count: int, *, boot: int = 0) -> str:
    lines = ["binder state:", "proc 50", "context binder", "  thread 50: l 12 need_return 0 tr 0"]
    lines += [
        f"  ref {9000 + each}: desc {each} node {each + boot} s 1 w 1 d 00000000aa" for each in range(count)
    ]
    lines += ["proc 60", "context binder"]
    lines += [
        f"  node {each + boot}: u1 c1 hs 1 hw 1 ls 0 lw 0 is 1 iw 1 tr 0 proc 50" for each in range(count)
    ]
    return "\n".join(lines)


def test_who_holds_conspicuously_many(tmp_path: Path) -> None:
    nodes, references = sorted(
        (answer.sentence for answer in inspected(tmp_path, handles(1500)).to(Question.LEAKS)), reverse=True
    )
    assert (
        nodes == "process 60 on binder has 1,500 objects that others hold, 1,500 of them held by process 50."
    )
    assert references == (
        "process 50 on binder has 1,500 handles, 1,500 of them of objects in process 60; 1,500 with a death "
        "notification."
    )
    assert inspected(tmp_path, handles(20)).to(Question.LEAKS) == ()


def test_what_grew_between_two_dumps(tmp_path: Path) -> None:
    found = inspected(tmp_path, handles(20), handles(25)).to(Question.LEAKS)
    growths = {cast(Growth, answer.value).after.pid: cast(Growth, answer.value) for answer in found}
    assert (growths[50].of("references"), growths[50].of("deaths"), growths[60].of("nodes")) == (5, 5, 5)
    assert "5 more handles (25)" in found[0].sentence
    assert isinstance(growths[50].before, Count)


def test_dumps_of_two_devices_are_not_compared(tmp_path: Path) -> None:
    inspection = inspected(tmp_path, handles(20), handles(25, boot=7000))
    assert inspection.to(Question.LEAKS) == ()
    (warning,) = inspection.warnings
    assert "are not of the device and boot of those in" in warning


def test_records_of_two_devices_in_one_dump_are_named(tmp_path: Path) -> None:
    other = STATE.replace("binder state:\n", "").replace("783", "999")
    (warning,) = inspected(tmp_path, STATE + other).warnings
    assert warning.startswith("node 315 belongs to process 783 and to process 999: these records are of two")


def test_reports_of_two_devices_are_named(tmp_path: Path) -> None:
    report = "== dumpstate: 2026-01-04 10:00:00\nBuild fingerprint: 'a/{0}/1:user'\n"
    (warning,) = inspected(tmp_path, report.format("one") + report.format("two")).warnings
    assert warning.startswith("two devices are mixed here: a/one/1:user")


@pytest.mark.parametrize("note", ["no records", "No records."])
def test_a_warning_ends_in_one_full_stop(tmp_path: Path, note: str) -> None:
    noted = dataclasses.replace(inspected(tmp_path, STATE), notes=(note,))
    assert [line for line in text_of(noted) if line.startswith("CAUTION: ")] == [
        f"CAUTION: {note.removesuffix('.')}."
    ]


def calls(*edges: tuple[int, int], loopers: tuple[int, ...] = ()) -> str:
    """Processes with one looper each, in which a waits for b for each edge; and idle second loopers."""
    lines = ["binder state:"]
    for pid in sorted({pid for edge in edges for pid in edge}):
        lines += [f"proc {pid}", "context binder", f"  thread {pid}: l 12 need_return 0 tr 0"]
        for number, (caller, callee) in enumerate(edges):
            if caller == pid:
                lines.append(
                    f"    outgoing transaction {100 + number}: 0 from {pid}:{pid} to {callee}:0 code 1 "
                    "flags 10 pri 0 a0 r0"
                )
        lines += [f"  thread {each}: l 11 need_return 0 tr 0" for each in loopers if each // 10 == pid]
        for number, (caller, callee) in enumerate(edges):
            if callee == pid:
                lines.append(
                    f"  pending transaction {100 + number}: 0 from {caller}:{caller} to {pid}:0 code 1 "
                    "flags 10 pri 0 a0 r0"
                )
    return "\n".join(lines)


@pytest.mark.parametrize("length", [2, 3, 7])
def test_a_circle_of_any_length_is_a_deadlock(tmp_path: Path, length: int) -> None:
    ring = [*range(10, 10 + length)]
    edges = [*itertools.pairwise([*ring, ring[0]]), (90, ring[0])]
    (answer,) = inspected(tmp_path, calls(*edges)).to(Question.WAITS)
    assert isinstance(answer.value, Deadlock)
    assert [wait.thread[0] for wait in answer.value.waits] == ring
    assert [wait.thread[0] for wait in answer.value.behind] == [90]


def test_a_thread_that_may_still_start_is_mentioned(tmp_path: Path) -> None:
    stats = STATS.replace("783", "10").replace("vndbinder", "binder").replace("1+2/2", "0+2/15")
    (answer,) = inspected(tmp_path, stats, calls((10, 11), (11, 10))).to(Question.WAITS)
    assert isinstance(answer.value, Deadlock)
    assert answer.details[-1].startswith(
        "process 10 may still start a thread on binder, which would end it: 2 of"
    )


def test_places_have_the_file_where_there_are_several(tmp_path: Path) -> None:
    one = "\n".join(text_of(inspected(tmp_path, calls((10, 11), (11, 10)))))
    assert "shown by lines 5, 10" in one
    two = "\n".join(text_of(inspected(tmp_path, STATS, calls((10, 11), (11, 10)))))
    assert f"shown by lines {tmp_path}/dump1:5, {tmp_path}/dump1:10" in two


def test_a_free_looper_breaks_the_circle(tmp_path: Path) -> None:
    answers = inspected(tmp_path, calls((10, 11), (11, 10), loopers=(101,))).to(Question.WAITS)
    assert answers
    assert all(isinstance(answer.value, Holder) for answer in answers)


def test_a_call_back_into_the_waiting_thread_is_no_deadlock(tmp_path: Path) -> None:
    text = (
        "proc 10\ncontext binder\n  thread 10: l 12 need_return 0 tr 0\n"
        "    incoming transaction 2: 0 from 11:11 to 10:10 code 1 flags 10 a0 r0 node 1 size 0:0\n"
        "    outgoing transaction 1: 0 from 10:10 to 11:11 code 1 flags 10 pri 0 a0 r0\n"
        "proc 11\ncontext binder\n  thread 11: l 12 need_return 0 tr 0\n"
        "    outgoing transaction 2: 0 from 11:11 to 10:10 code 1 flags 10 pri 0 a0 r0\n"
        "    incoming transaction 1: 0 from 10:10 to 11:11 code 1 flags 10 a0 r0 node 1 size 0:0\n"
    )
    (answer,) = inspected(tmp_path, text).to(Question.WAITS)
    assert isinstance(answer.value, Holder)
    assert (answer.value.pid, answer.value.tid) == (10, 10)


def test_one_way_calls_wait_for_nobody(tmp_path: Path) -> None:
    text = "  incoming transaction 2: 0 from 11:11 to 10:10 code 1 flags 11 a1 r0 node 1 size 0:0\n"
    assert inspected(tmp_path, text).to(Question.WAITS) == ()


@given(
    st.lists(st.tuples(st.integers(10, 15), st.integers(10, 15)), max_size=8, unique_by=lambda edge: edge[0])
)
def test_a_deadlock_is_found_where_a_circle_is(edges: list[tuple[int, int]]) -> None:
    following = dict(edges)

    def in_circle(pid: int) -> bool:
        reached = pid
        for _ in following:
            reached = following.get(reached, -1)
            if reached == pid:
                return True
        return False

    inspection = read_sources([Source("state", io.BytesIO(calls(*edges).encode()))])
    found = {
        wait.thread[0]
        for answer in inspection.to(Question.WAITS)
        if isinstance(answer.value, Deadlock)
        for wait in answer.value.waits
    }
    assert found == {pid for pid in following if in_circle(pid)}


def test_every_answer_has_text_and_json(tmp_path: Path) -> None:
    inspection = inspected(tmp_path, STATS, STATE, handles(1200), calls((10, 11), (11, 10)))
    text = "\n".join(text_of(inspection, every=True))
    for answer in inspection.answers:
        assert answer.sentence in text
    assert '"DEADLOCK' in json_of(inspection)
