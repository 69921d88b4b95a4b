"""What an error means: lines of logs, exceptions, codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi.uapi import BinderReturn
from harness.inspect.explanations import Explanation, explain
from harness.inspect.inspection import read
from harness.inspect.kinds import Question


def explained(text: str) -> Explanation:
    (found,) = explain(text)
    return found


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("29201/-28", "BR_FAILED_REPLY (ENOSPC): the receiver's mapping has no space"),
        (
            "transaction failed 29201/-28, size 6572-1304 line 3181",
            "BR_FAILED_REPLY (ENOSPC): the receiver's",
        ),
        ("29189/-22", "BR_DEAD_REPLY (EINVAL): nobody is the context manager"),
        ("29202/0", "BR_FROZEN_REPLY: the object's process is frozen"),
        ("29201", "BR_FAILED_REPLY: the driver refused"),
        ("-95", "BR_FAILED_REPLY (EOPNOTSUPP): the receiver requests its callers' security contexts"),
        ("EOPNOTSUPP", "BR_FAILED_REPLY (EOPNOTSUPP): the receiver requests"),
        ("BR_FAILED_REPLY EPERM", "BR_FAILED_REPLY (EPERM): a security policy forbids it"),
        ("no address space", "the receiver's mapping has no free piece"),
        ("no async space left", "the half of the receiver's mapping that one-way calls may use has no room"),
        ("android.os.DeadObjectException", "the object's process is dead"),
        ("-74", "UNKNOWN_TRANSACTION, as libbinder calls it"),
        ("-32", "DEAD_OBJECT, as libbinder calls it: the object's process is dead"),
        ("status_t -2147483646", "FAILED_TRANSACTION, as libbinder calls it: the driver refused"),
        ("0x7211", "BR_FAILED_REPLY: the driver refused"),
    ],
)
def test_what_people_ask(text: str, meaning: str) -> None:
    assert explained(text).meaning.startswith(meaning)


@pytest.mark.parametrize("code", list(BinderReturn), ids=lambda code: code.name)
def test_every_code_of_the_driver(code: BinderReturn) -> None:
    if code not in (
        BinderReturn.BR_ACQUIRE_RESULT,
        BinderReturn.BR_ATTEMPT_ACQUIRE,
        BinderReturn.BR_FINISHED,
    ):
        assert explained(code.name).meaning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TransactionTooLargeException: data parcel size 521984 bytes", "more than a one-way call may have"),
        (
            "TransactionTooLargeException: data parcel size 1,562,344 bytes",
            "more than a process on libbinder maps",
        ),
        (
            "!!! FAILED BINDER TRANSACTION !!!  (parcel size = 300000)",
            "300,000 bytes fit into an empty mapping",
        ),
    ],
)
def test_a_size_decides(text: str, expected: str) -> None:
    assert expected in explained(text).meaning


def test_the_process_at_fault_is_named() -> None:
    full = explained("binder_alloc: 1871: binder_alloc_buf size 66168 failed, no address space")
    assert full.process == 1871
    refused = explained("binder: 1:2 transaction call to 77:0 failed 5/29201/-28, size 8-0 line 3181")
    assert refused.process == 77
    never = explained("binder: 1:2 transaction async to 77:0 failed 5/29201/-28, size 600000-0 line 3181")
    assert (never.process, never.at_fault) == (None, "the sender: no receiver on libbinder can take so much")


def test_an_entry_of_the_log_of_failures() -> None:
    found = explained(
        "1002: call  from 466:466 to 0:0 context binder node 0 handle 0 size 0:0 ret 29189/-22 l=3146"
    )
    assert found.meaning.startswith("nobody is the context manager")
    assert (
        explain("1002: call  from 466:466 to 1:0 context binder node 4 handle 0 size 0:0 ret 0/0 l=0") == ()
    )


def test_an_old_kernel_logs_no_reason(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text(
        "------ BINDER FAILED TRANSACTION LOG (/sys/kernel/debug/binder/failed_transaction_log) ------\n"
        "0: async from 782:1138 to 0:0 node 974 handle 8 size 88:8\n"
        "9: call  from 782:1138 to 900:0 node 975 handle 9 size 88:8\n"
        "------ BINDER TRANSACTION LOG (/sys/kernel/debug/binder/transaction_log) ------\n"
        "10: call  from 782:1138 to 900:0 node 975 handle 9 size 88:8\n"
    )
    gone, refused = read(str(report)).to(Question.ERROR)
    assert "the object's process is dead" in gone.sentence
    assert "this kernel logs no reason" in refused.sentence
    assert [answer.places[0].line for answer in (gone, refused)] == [2, 3]


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (
            "E IPCThreadState: binder thread pool (15 threads) starved for 5012 ms",
            "every looper of the process",
        ),
        (
            "W BpBinder: Large outgoing transaction of 310000 bytes, interface descriptor a.B",
            "libbinder warns",
        ),
        ("E JavaBinder: AssertionError: Binder ProxyMap has too many entries: 20148", "one process holds"),
        ("DeadObjectException: Transaction failed on small parcel; remote process", "a transaction of"),
        ("android.os.DeadSystemException", "the object's process is dead"),
    ],
)
def test_what_android_s_libraries_log(line: str, meaning: str, tmp_path: Path) -> None:
    assert explained(line).meaning.startswith(meaning)
    report = tmp_path / "report.txt"
    report.write_text(f"------ SYSTEM LOG (logcat) ------\n01-04 10:00:00.000  900  901 I x: y\n{line}\n")
    (answer,) = read(str(report)).to(Question.ERROR)
    assert [place.line for place in answer.places] == [3]


def test_several_lines_are_several_errors() -> None:
    text = "hello\n29202/0\r\n\nbinder: 1:2 transaction failed 29189/-3, size 0-0 line 1\n"
    assert [each.error for each in explain(text)] == [
        "29202/0",
        "binder: 1:2 transaction failed 29189/-3, size 0-0 line 1",
    ]


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert all(each.meaning for each in explain(text))
