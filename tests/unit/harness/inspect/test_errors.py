"""What an error means: lines of logs, exceptions, codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi.uapi import BinderReturn
from harness.inspect.errors.explanation import Explanation
from harness.inspect.errors.lines import explain
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
        ("-22", "BR_FAILED_REPLY (EINVAL): a handle, an offset or an object"),
        ("FAILED_TRANSACTION", "FAILED_TRANSACTION, as libbinder calls it: the driver refused"),
        (
            "UNKNOWN_TRANSACTION",
            "UNKNOWN_TRANSACTION, as libbinder calls it: the called object does not know",
        ),
        ("STATUS_BAD_TYPE", "BAD_TYPE, as libbinder calls it: the call's data begins with the token"),
        ("4294967264", "DEAD_OBJECT, as libbinder calls it"),
        ("2147483650", "FAILED_TRANSACTION, as libbinder calls it"),
        ("Failed transaction (2147483646)", "FAILED_TRANSACTION, as libbinder calls it"),
        ("Unexpected null (2147483640)", "UNEXPECTED_NULL, as libbinder calls it"),
        ("cmd: Failure calling service package: Broken pipe (32)", "DEAD_OBJECT, as libbinder calls it"),
        ("0x80000002", "FAILED_TRANSACTION, as libbinder calls it"),
        ("0xffffffffffffffb6", "UNKNOWN_TRANSACTION, as libbinder calls it"),
        ("18446744073709551542", "UNKNOWN_TRANSACTION, as libbinder calls it"),
        ("java.lang.SecurityException: Permission Denial: a requires b", "EX_SECURITY: the service refused"),
        ("EX_ILLEGAL_STATE", "EX_ILLEGAL_STATE: the called method threw it"),
        (
            "android.os.ServiceSpecificException: (code 7)",
            "EX_SERVICE_SPECIFIC: the service reports an error",
        ),
        ("android.os.BadParcelableException: ClassNotFound", "EX_BAD_PARCELABLE: a Parcelable could not"),
        ("Status(-8, EX_SERVICE_SPECIFIC): '3: no key'", "EX_SERVICE_SPECIFIC 3: the service reports"),
        ("Status(-129, EX_TRANSACTION_FAILED): '-32: '", "DEAD_OBJECT, as libbinder calls it"),
        ("Status(EX_TRANSACTION_FAILED, STATUS_TIMED_OUT)", "TIMED_OUT, as libbinder calls it"),
        ("status=-129", "EX_TRANSACTION_FAILED: the call did not come to its end"),
        ("Status(-8)", "EX_SERVICE_SPECIFIC: the service reports"),
        ("BINDER_SET_CONTEXT_MGR failed: Device or resource busy", "BINDER_SET_CONTEXT_MGR ended in EBUSY:"),
        ("Opening '/dev/binder' failed: No such file or directory", "the process cannot open its binder"),
        ("Binder driver '/dev/vndbinder' could not be opened.  Terminating.", "the process cannot open its"),
        ("Binder ioctl to become context manager failed: Device or resource busy", "somebody is the"),
        ("Binder driver protocol(7) does not match user space protocol(8)!", "the driver speaks another"),
        ("Using /dev/binder failed: unable to mmap transaction memory.", "the process could not map its"),
        ("*** Uncaught remote exception!  (Exceptions are not yet supported)", "a method of"),
        ("Parcel android.os.Parcel@d67: Unmarshalling unknown type code 68 at offset 508", "a value in"),
        ('Result: Parcel(Error: 0xffffffff "Operation not permitted")', "BR_FAILED_REPLY (EPERM)"),
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
    assert (never.process, never.at_fault) == (1, "the sender: no receiver on libbinder can take so much")


@pytest.mark.parametrize(
    ("text", "at_fault"),
    [
        ("TransactionTooLargeException: data parcel size 1562344 bytes", "the sender: no receiver"),
        (
            "TransactionTooLargeException: data parcel size 521984 bytes",
            "the sender, if the call was one-way; ",
        ),
        ("TransactionTooLargeException: data parcel size 300000 bytes", "the receiver, which keeps buffers"),
        (
            "binder: 1:2 transaction failed 29201/-28, size 520-8 line 3181",
            "the receiver, which keeps buffers",
        ),
        (
            "binder: 1:2 transaction call to 5:0 failed 3/29201/-28, size 600000-8 line 3181",
            "the receiver, which keeps buffers",
        ),
        (
            "binder: 1:2 transaction async to 5:0 failed 3/29201/-28, size 520-8 line 3181",
            "the receiver, which does not take its one-way calls",
        ),
        ("binder: 1:2 transaction async to 5:0 failed 3/29201/-28, size 520190-8 line 1", "the sender: "),
        ("binder: 1:2 transaction reply to 5:6 failed 3/29201/-28, size 520-8 line 1", "the caller, which"),
        ("3: async from 1:2 to 5:0 node 4 handle 4 size 520190:8 ret 29201/-28 l=1", "the sender: "),
        ("BR_ONEWAY_SPAM_SUSPECT", "the process that receives this code"),
        ("BR_DEAD_BINDER", "the process that died"),
        ("BR_REPLY", "nobody: it is no error"),
    ],
)
def test_the_size_and_the_direction_decide_who_is_at_fault(text: str, at_fault: str) -> None:
    assert explained(text).at_fault.startswith(at_fault)


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        (
            "1:2 got transaction with invalid offset (0, min 0 max 0) or object.",
            "the sender's data is malformed",
        ),
        ("1:2 got transaction with invalid parent offset or type", "the sender's data is malformed"),
        ("1:2 got transaction with invalid data ptr", "an address in the transaction cannot be read"),
        ("1:2 got transaction with invalid fd, 7", "a file descriptor in the data is not open"),
        ("1:2 got transaction with fd, 7, but target does not allow fds", "a security policy forbids it"),
        ("1:2 got transaction to invalid handle, 9", "the sender used a handle that it does not hold"),
        ("1:2 got reply transaction with no transaction stack", "the thread sent a reply without a call"),
        (
            "1:2 got new transaction with bad transaction stack, transaction 9 has target 3:0",
            "the thread sent",
        ),
        ("1:2 BC_FREE_BUFFER u0000007f1d2c3000 no match", "the process gave the driver a command"),
        ("1:2 IncRefs 0 refcount change on invalid ref 7 ret -22", "the process gave the driver a command"),
        ("1:2 sending u0000007f1d2c3000 node 5, cookie mismatch 1 != 2", "the sender's data is malformed"),
        ("1:2 cannot find target node", "the object's process is dead"),
        ("1:2 ioctl c0306201 7ffce0 returned -22", "BINDER_WRITE_READ ended in EINVAL: the driver refused"),
        ("1:2 ioctl c0186201 ffce0 returned -14", "BINDER_WRITE_READ ended in EFAULT: the driver refused"),
        (
            "1:1 ioctl 40046210 7ffce0 returned -22",
            "BINDER_ENABLE_ONEWAY_SPAM_DETECTION ended in EINVAL: this",
        ),
        ("1:1 ioctl 40046207 7ffce0 returned -16", "BINDER_SET_CONTEXT_MGR ended in EBUSY: somebody is"),
    ],
)
def test_what_the_driver_says_of_a_process_s_own_commands(body: str, meaning: str) -> None:
    found = explained(f"[   12.345678] binder: {body}")
    assert found.meaning.startswith(f"process 1: {meaning}")
    assert found.process == (None if "40046210" in body else 1)


def test_messages_that_name_no_process() -> None:
    assert explained("binder: BINDER_SET_CONTEXT_MGR already set").claims == ("sm.single",)
    assert explained("rust_binder: Got transaction with invalid offset.").meaning.startswith(
        "the sender's data"
    )


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (
            'audit(1.1:9): avc:  denied  { transfer } for  pid=1150 comm="system_server" '
            "scontext=u:r:zygote:s0 tcontext=u:r:servicemanager:s0 tclass=binder",
            "SELinux does not allow u:r:zygote:s0, process 1150, to pass an object or a descriptor on to "
            "processes in "
            "u:r:servicemanager:s0. The driver answers BR_FAILED_REPLY with EPERM.",
        ),
        (
            "avc: denied { call } for comm=4173 scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=binder "
            "permissive=1",
            "SELinux does not allow u:r:a:s0 to call objects of processes in u:r:b:s0. It was only logged",
        ),
        (
            'avc: denied { set_context_mgr } for pid=300 comm="x" scontext=u:r:init:s0 tcontext=u:r:init:s0 '
            "tclass=binder permissive=0",
            "SELinux does not allow u:r:init:s0, process 300, to become the context manager.",
        ),
        (
            "E SELinux : avc:  denied  { find } for service=netd pid=9904 uid=1000 "
            "scontext=u:r:system_app:s0 "
            "tcontext=u:object_r:netd_service:s0 tclass=service_manager permissive=0",
            "SELinux does not allow u:r:system_app:s0, process 9904, to look netd up. The service manager "
            "answers",
        ),
    ],
)
def test_denials(line: str, meaning: str) -> None:
    assert explained(line).meaning.startswith(meaning)


def test_other_denials_are_not_of_binder() -> None:
    line = (
        "avc: denied { read } for name=x scontext=u:r:a:s0 tcontext=u:object_r:b:s0 tclass=file permissive=0"
    )
    assert explain(line) == ()


def test_an_entry_of_the_log_of_failures() -> None:
    found = explained(
        "1002: call  from 466:466 to 0:0 context binder node 0 handle 0 size 0:0 ret 29189/-22 l=3146"
    )
    assert found.meaning.startswith("nobody is the context manager")
    assert (
        explain("1002: call  from 466:466 to 1:0 context binder node 4 handle 0 size 0:0 ret 0/0 l=0") == ()
    )


def test_one_way_calls_that_found_no_space_are_told_apart_from_calls(tmp_path: Path) -> None:
    log = tmp_path / "dmesg"
    log.write_text(
        "[8.1] rust_binder: 111:112 transaction call to 108:0 failed ENOSPC, code 8 size 2000000-0\n"
        "[8.2] rust_binder: 111:112 transaction async to 108:0 failed ENOSPC, code 9 size 800000-0\n"
        "[8.3] rust_binder: 111:112 transaction call to 108:0 failed ENOSPC, code 8 size 2000000-0\n"
    )
    calls, one_way = read(str(log)).to(Question.ERROR)
    assert [place.line for place in calls.places] == [1, 3]
    assert "(2 times)" in calls.sentence
    assert "more than a one-way call may have" in one_way.sentence


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
        ("W IPCThreadState: Sending oneway calls to frozen process.", "the one-way call waits"),
        ("E IPCThreadState: Process seems to be sending too many oneway calls.", "libbinder was told"),
        ("W Binder  : Caught a RuntimeException from the binder stub implementation.", "a method of this"),
        ("I ServiceManagerCppClient: Waiting for service 'a.b/c' on '/dev/binder'...", "the process asks"),
        ("I servicemanager: Could not find a.b.IC/d in the VINTF manifest.", "the service is not declared"),
        (
            "W servicemanager: Tried to start aidl service a.b as a lazy service, but was unable to.",
            "somebody asked for a service",
        ),
        ("W HwServiceManager: Waited one second for a.b@1.0::IC/default", "the process asks"),
        (
            "E hwservicemanager: getTransport: Cannot find entry a.b@1.0::IC/default in either framework or "
            "device "
            "manifest, using default transport.",
            "the service is not declared",
        ),
        (
            "E libbinder.IPCThreadState: Binder transaction failure. id: 16, cmd: BR_FAILED_REPLY (29201), "
            "error: -1 "
            "(Operation not permitted)",
            "BR_FAILED_REPLY (EPERM): a security policy forbids it",
        ),
        ("E IPCThreadState: Binder transaction failure: 8204/29189/-22", "BR_DEAD_REPLY (EINVAL): nobody is"),
        ("E x: Status(-8, EX_SERVICE_SPECIFIC): '3: no key'", "EX_SERVICE_SPECIFIC 3: the service reports"),
        (
            "W cmd     : Failure calling service activity: Failed transaction (2147483646)",
            "FAILED_TRANSACTION, as libbinder calls it",
        ),
        ("E AndroidRuntime: android.os.BadParcelableException: x", "EX_BAD_PARCELABLE: a Parcelable"),
    ],
)
def test_what_android_s_libraries_log(line: str, meaning: str, tmp_path: Path) -> None:
    assert explained(line).meaning.startswith(meaning)
    report = tmp_path / "report.txt"
    report.write_text(f"------ SYSTEM LOG (logcat) ------\n01-04 10:00:00.000  900  901 I x: y\n{line}\n")
    (answer,) = read(str(report)).to(Question.ERROR)
    assert [place.line for place in answer.places] == [3]


def test_a_process_that_asks_what_the_driver_knows_makes_no_mistake(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "[ 1.1] binder: 135:136 ioctl c0306201 0 returned -14\n[ 1.2] binder: BINDER_SET_CONTEXT_MGR "
        "already set\n"
        "[ 1.3] binder: 135:136 ioctl 4018620d 7f2474627000 returned -16\n"
        "[ 1.4] binder: BINDER_SET_CONTEXT_MGR already set\n[ 1.5] binder: 900:900 ioctl 40046207 0 "
        "returned -16\n"
        "[ 1.6] binder: 900:900 ioctl c0306201 7ffe0 returned -14\n"
    )
    found = read(str(log)).to(Question.ERROR)
    assert [place.line for answer in found for place in answer.places] == [4, 5, 6]
    assert "BINDER_WRITE_READ ended in EFAULT" in found[2].sentence


def test_before_linux_4_14_the_message_beside_it_has_the_reason(tmp_path: Path) -> None:
    report = tmp_path / "log"
    report.write_text(
        "Apr 13 16:48:35 a kernel: [12692.278137] binder: 64345: binder_alloc_buf, no vma\n"
        "Apr 13 16:48:35 a kernel: [12692.278158] binder: 12795:26711 transaction failed 29201, size 120-0\n"
        "[Wed May 24 14:31:07 2023] init: nothing about Binder\n"
    )
    inspection = read(str(report))
    assert not inspection.unknown_count
    _, refused = inspection.to(Question.ERROR)
    assert (
        "sent 120 bytes to process 64345 and received BR_FAILED_REPLY: the receiver has not"
        in refused.sentence
    )
    assert refused.details[0] == "at fault: process 64345: the receiver"


def test_several_lines_are_several_errors() -> None:
    text = "hello\n29202/0\r\n\nbinder: 1:2 transaction failed 29189/-3, size 0-0 line 1\n"
    assert [each.error for each in explain(text)] == [
        "29202/0",
        "binder: 1:2 transaction failed 29189/-3, size 0-0 line 1",
    ]


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert all(each.meaning for each in explain(text))
