"""The driver's messages in kernel logs, in the forms of each driver and of each way to read a log."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.binder_debug.kernel_log import (
    KernelMessage,
    MappingRoom,
    MessageKind,
    parse_kernel_log,
    parse_message,
    receivers,
)

FAILED = "2270:2275 transaction failed 29201/-28, size 6572-1304 line 3181"
PREFIXES = [
    "binder: ",
    "[  123.456789] binder: ",
    "<6>[    1.000001] binder: ",
    "[Sun Jan  4 10:00:00 2026] binder: ",
    "[  123.456789][  T270] binder: ",
    "[  123.456789] [3:  Binder:270_4:  270] binder: ",
    "01-04 10:00:00.000     0     0 I binder  : ",
    "Jan  4 10:00:00 phone kernel: [  123.456789] binder: ",
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_is_before_a_message(prefix: str) -> None:
    message = parse_message(prefix + FAILED, 7)
    assert message == KernelMessage(
        MessageKind.TRANSACTION_FAILED,
        f"binder: {FAILED}",
        pid=2270,
        tid=2275,
        return_error=29201,
        error_number=errno.ENOSPC,
        size=6572,
        offsets_size=1304,
        source_line=3181,
    )
    assert message.line == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:2 transaction failed 29201, size 4-0", {"return_error": 29201, "error_number": None}),
        ("1:2 transaction failed 29202/0, size 0-0 line 3057", {"return_error": 29202, "error_number": 0}),
        (
            "1:2 transaction call to 0:0 failed 102/29189/-22, size 0-0 line 3054",
            {"debug_id": 102, "return_error": 29189, "error_number": 22, "to_pid": 0, "call_type": "call"},
        ),
        (
            "1:2 transaction async to 42:0 failed 11/29201/-95, code 3 size 84-0 line 3301",
            {"debug_id": 11, "error_number": 95, "to_pid": 42, "one_way": True, "size": 84},
        ),
    ],
)
def test_a_failed_transaction_of_each_release(text: str, expected: dict[str, object]) -> None:
    message = parse_message(f"binder: {text}")
    assert message is not None
    assert message.kind == MessageKind.TRANSACTION_FAILED
    assert {name: getattr(message, name) for name in expected} == expected


def test_a_full_mapping_with_its_numbers_and_its_transaction() -> None:
    messages = parse_kernel_log(
        "[1.000001] binder: 30:31 transaction failed 29201/-28, size 65792-376 line 3181\r\n"
        "[1.000002] binder_alloc: 1871: binder_alloc_buf size 66168 failed, no address space\r\n"
        "[1.000003] binder_alloc: allocated: 1037152 (num: 12 largest: 1031824), "
        "free: 3232 (num: 2 largest: 3200)\r\n"
    )
    failed, full = messages
    assert full.room == MappingRoom(1_037_152, 12, 1_031_824, 3_232, 2, 3_200)
    assert [*receivers(messages)] == [(failed, full)]


def test_old_kernels_name_the_driver_alone() -> None:
    one_way = parse_message("binder: 712: binder_alloc_buf size 96 failed, no async space left")
    assert one_way is not None
    assert (one_way.kind, one_way.pid, one_way.size) == (MessageKind.NO_ONEWAY_SPACE, 712, 96)
    unmapped = parse_message("binder_alloc: 712: binder_alloc_buf, no vma")
    assert unmapped is not None
    assert unmapped.kind == MessageKind.NO_MAPPING


def test_the_rust_driver() -> None:
    full, failure, failed = parse_kernel_log(
        "[129.0] rust_binder: Failed to allocate buffer. len:1056768, is_oneway:false\n"
        "[129.1] rust_binder: Failure in copy_transaction_data: ENOSPC\n"
        "[129.2] rust_binder: 236:240 transaction to 235 failed: BR_FAILED_REPLY { source: ENOSPC }\n"
    )
    assert (full.kind, full.size, full.one_way) == (MessageKind.ALLOCATION_FAILED, 1_056_768, False)
    assert (failure.kind, failure.error_number) == (MessageKind.OTHER, errno.ENOSPC)
    assert (failed.pid, failed.to_pid, failed.return_name) == (236, 235, "BR_FAILED_REPLY")
    assert failed.error_number == errno.ENOSPC
    assert all(message.rust for message in (full, failure, failed))


def test_the_rust_driver_of_7_3_names_the_errno_of_a_failed_transaction() -> None:
    handle, unknown, full = parse_kernel_log(
        "[8.1] rust_binder: 111:112 got transaction to invalid handle 99\n"
        "[8.2] rust_binder: 111:112 transaction call to 0:0 failed ENOENT, code 7 size 0-0\n"
        "[8.3] rust_binder: 111:112 transaction async to 108:0 failed ENOSPC, code 9 size 800000-16\n"
    )
    assert handle.kind == MessageKind.OTHER
    assert (unknown.kind, unknown.error_number) == (MessageKind.TRANSACTION_FAILED, errno.ENOENT)
    assert (unknown.pid, unknown.tid, unknown.to_pid, unknown.call_type) == (111, 112, 0, "call")
    assert (full.kind, full.error_number) == (MessageKind.TRANSACTION_FAILED, errno.ENOSPC)
    assert (full.to_pid, full.size, full.offsets_size, full.one_way) == (108, 800_000, 16, True)
    assert full.return_error is None


def test_other_messages() -> None:
    kinds = [
        message.kind
        for message in parse_kernel_log(
            "binder: release 1:1 transaction 5 out, still active\n"
            "binder: undelivered transaction 77, process died.\n"
            "binder_alloc: 9: pid 10 spamming oneway? 51 buffers allocated for a total size of 5304\n"
            "binder_transaction: 5081 callbacks suppressed\n"
            "binder: 7:7 got transaction to invalid handle, 12\n"
        )
    ]
    assert kinds == [
        MessageKind.STILL_ACTIVE,
        MessageKind.UNDELIVERED,
        MessageKind.ONEWAY_SPAM,
        MessageKind.SUPPRESSED,
        MessageKind.OTHER,
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "foo.binder: 12",
        "E/JavaBinder( 1014): !!! FAILED BINDER TRANSACTION !!!",
        "hwbinder: hello",
        "binder: hi",
    ],
)
def test_other_lines_are_none(line: str) -> None:
    assert parse_message(line) is None


@given(st.text() | st.lists(st.sampled_from([*PREFIXES, FAILED, "failed", " ", "1:2"])).map("".join))
def test_no_text_is_an_error(text: str) -> None:
    parse_kernel_log(text)
