"""The binary form of a trace: pages, and the records in them."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.tracing.event_format import event_of, parse_event_format
from harness.kernel.tracing.ring_buffer import missed_events, records_of
from tests.support.trace_pages import EXTENDED, page_of

DATA = st.integers(1, 40).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))
DELTAS = st.integers(0, 1000) | st.integers(EXTENDED - 1, EXTENDED + 1) | st.integers(0, 1 << 50)
FORMAT = """\
name: sched_process_exec
ID: 303
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;
\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;
\tfield:char comm[8];\toffset:16;\tsize:8;\tsigned:0;
\tfield:unsigned long flags;\toffset:24;\tsize:8;\tsigned:0;

print fmt: "filename=%s pid=%d", __get_str(filename), REC->pid
"""


@given(st.integers(0, 1 << 58), st.lists(st.tuples(DELTAS, DATA), max_size=20), st.booleans())
def test_records_are_read_as_they_were_written(
    start: int, deltas: list[tuple[int, bytes]], missed: bool
) -> None:
    records, time = [], start
    for delta, data in deltas:
        time += delta
        records.append((time, data))
    page = page_of(start, records, missed=missed)
    assert list(records_of(page)) == records
    assert missed_events(page) is missed


def test_padding_and_an_absolute_time() -> None:
    content = b"".join(
        [
            struct.pack("<IIQ", 29 | 5 << 5, 12, 0),  # a discarded record of 12 bytes, 5 ns later
            struct.pack("<II", 31 | 7 << 5, 3),  # the time is now 3 · 2^27 + 7
            struct.pack("<II", 1 | 1 << 5, 0xAB),
            struct.pack("<I", 29),  # nothing more
        ]
    )
    page = (struct.pack("<QQ", 100, 4000) + content).ljust(4096, b"\0")
    assert list(records_of(page)) == [(3 * EXTENDED + 8, b"\xab\0\0\0")]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_damaged(page: bytes) -> None:
    with contextlib.suppress(ValueError, struct.error):
        assert all(time >= 0 for time, _ in records_of(page))


@pytest.mark.parametrize("page", [struct.pack("<QQ", 0, 400), struct.pack("<QQI", 0, 4, 28), b""])
def test_a_page_that_ends_too_early_is_damaged(page: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        list(records_of(page))


def test_the_fields_of_a_record() -> None:
    known = parse_event_format(FORMAT, {"pid": "process"})
    assert known is not None
    assert (known.name, known.id) == ("sched_process_exec", 303)
    record = struct.pack("<HBBiHHi8sQ", 303, 0, 0, 77, 32, 8, -5, b"app\0junk", 1 << 60) + b"/bin/sh\0"
    assert known.decode(record) == {
        "filename": "/bin/sh",
        "process": -5,
        "comm": "app",
        "flags": 1 << 60,
    }
    assert event_of(record) == (303, 77)
    assert known.decode(record[:20]) == {}


@given(st.text())
def test_other_text_is_no_format(text: str) -> None:
    assert parse_event_format(text) is None or "ID: " in text
