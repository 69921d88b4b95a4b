"""What people paste, each with the values that it shows and the answers that it gives."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from emulator.adb.listing import Listing
from harness.framework.dumps.broadcasts import Broadcasts
from harness.framework.dumps.services import BindRecord
from harness.inspect.errors.explanation import Explanation
from harness.inspect.errors.lines import explain
from harness.inspect.inspection import Inspection, read
from harness.inspect.kinds import Kind, Question
from harness.inspect.text import text_of
from harness.inspect.values import Reply, described
from harness.inspect.waits import Deadlock, Holder
from harness.kernel.binder_debug.kernel_log import KernelMessage, parse_kernel_log
from harness.kernel.binder_debug.state import State
from harness.kernel.binder_debug.transaction_log import TransactionLog
from harness.kernel.proc.maps import Mapping, Maps
from harness.recording.hops import Hops
from tests.support.sentences import leaked

INPUTS = Path(__file__).parent / "inputs"


def inspected(*names: str) -> Inspection:
    return read(*(str(INPUTS / name) for name in names))


def value(name: str, kind: Kind) -> object:
    (section,) = inspected(name).of(kind)
    return section.value


def sentences(name: str, question: Question) -> list[str]:
    return [answer.sentence for answer in inspected(name).to(question)]


@pytest.mark.parametrize("path", sorted(INPUTS.iterdir()), ids=lambda path: path.name)
def test_every_input_is_recognised_and_every_answer_names_its_lines(path: Path) -> None:
    inspection = read(str(path))
    assert inspection.sections
    assert not inspection.unknown_count or path.name == "adb-shell.txt"
    length = len(path.read_text().splitlines())
    for answer in inspection.answers:
        assert answer.places
        assert all(place.file == str(path) and 1 <= place.line <= length for place in answer.places)
    shown = [answer.sentence for answer in inspection.answers]
    shown += [detail for answer in inspection.answers for detail in answer.details]
    assert [text for text in shown if leaked(text)] == []
    assert list(text_of(inspection))


def test_broadcasts_of_android_14() -> None:
    broadcasts = value("broadcasts-14.txt", Kind.BROADCASTS)
    assert isinstance(broadcasts, Broadcasts)
    assert [each.number for each in broadcasts.records[0].deliveries] == [8, 3, 6]
    skipped, deferred = sentences("broadcasts-14.txt", Question.DELIVERIES)
    assert skipped == "org.example.READY for user 0, receiver #3: skipped (Background execution not allowed)."
    assert "receiver #6: deferred" in deferred


def test_a_service_of_android_14_and_its_client() -> None:
    bound, _ = cast(tuple[BindRecord, ...], value("services-14.txt", Kind.SERVICES))
    assert (bound.service, bound.received, bound.clients) == ("org.example.mail/.Sync", True, 1)
    assert sentences("services-14.txt", Question.DELIVERIES) == [
        "org.example.mail/.Sync: onBind was called and has not returned an object."
    ]
    assert inspected("services-14.txt").names.processes[2001] == "org.example.home"


def test_adb_s_listing() -> None:
    blank = value("adb-blank.txt", Kind.DEVICES)
    assert isinstance(blank, Listing)
    assert list(blank) == ["adb-0123456789-AbCdEf (2)._adb-tls-connect._tcp"]
    assert sentences("adb-twins.txt", Question.FOLLOWS) == [
        "2 devices have the serial 0123456789ABCDEF: choose one as usb:1-4 or usb:1-5."
    ]


def test_devices_without_a_place_that_share_a_serial(tmp_path: Path) -> None:
    (tmp_path / "devices").write_text("List of devices attached\nABC\tdevice\nx\toffline\nABC\tdevice\n\n")
    inspection = read(str(tmp_path / "devices"))
    (section,) = inspection.of(Kind.DEVICES)
    assert described(section.kind, section.value) == "ABC (device), x (offline), ABC (device)"
    (answer,) = inspection.to(Question.FOLLOWS)
    assert answer.sentence == "2 devices have the serial ABC: `adb devices -l` shows how to choose one."
    assert [place.line for place in answer.places] == [2, 4]


def test_adb_s_refusals() -> None:
    (root,) = sentences("adb-root.txt", Question.ERROR)
    assert "a switch of this system forbids it" in root
    (shell,) = sentences("adb-shell.txt", Question.ERROR)
    assert "no shell protocol" in shell


def test_records_of_old_kernels() -> None:
    state = value("state-3.18.txt", Kind.PROCESS)
    assert isinstance(state, State)
    assert [each.handle for each in state.processes[0].references] == [0, 1]
    assert state.processes[0].references[0].death_notification == 0
    log = value("log-3.18.txt", Kind.TRANSACTION_LOG)
    assert isinstance(log, TransactionLog)
    assert [entry.to_pid for entry in log.entries] == [1731, 1731, 0]


def test_lines_that_end_in_a_carriage_return() -> None:
    (answer,) = inspected("crlf.txt").to(Question.WAITS)
    assert isinstance(answer.value, Holder)
    assert (answer.value.pid, answer.value.tid) == (500, 500)
    maps = cast(Maps[Mapping], value("maps-crlf.txt", Kind.MAPS))
    assert len(maps.of_file("/dev/binder")) == 1


def test_single_lines_show_who_waits_for_whom() -> None:
    holders = [cast(Holder, answer.value) for answer in inspected("grepped.txt").to(Question.WAITS)]
    assert [(each.pid, each.tid, each.shown, each.waits[0].thread) for each in holders] == [
        (103, 152, False, (104, 104)),
        (1470, None, False, (120, 124)),
    ]


def test_of_a_thread_that_is_not_shown_nothing_is_claimed() -> None:
    (by_thread, _) = sentences("grepped.txt", Question.WAITS)
    assert by_thread.endswith("it handles transaction 143 (code 7) and whom it waits for is not shown.")
    (shown,) = sentences("bugreport.txt", Question.WAITS)
    assert shown.endswith(
        "it handles transaction 183 (code 4) and waits for nobody in Binder. Look at its stack."
    )


def test_a_vendor_s_line_belongs_to_its_thread() -> None:
    (answer,) = inspected("vendor.txt").to(Question.WAITS)
    assert isinstance(answer.value, Holder)
    assert (answer.value.waits[0].thread, answer.value.waits[0].elapsed_ms) == ((1234, 1234), 5000)


@pytest.mark.parametrize(
    ("name", "restarted"),
    [
        ("override.rc", "When zygote dies, init restarts audioserver, wificond with it."),
        ("comments.rc", "When servicemanager dies, init restarts healthd, zygote with it."),
        ("flags.rc", "When servicemanager dies, init restarts audioserver, zygote with it."),
    ],
)
def test_what_init_restarts(name: str, restarted: str) -> None:
    assert sentences(name, Question.FOLLOWS) == [restarted]


def test_what_init_restarts_has_its_lines_and_its_conditions(tmp_path: Path) -> None:
    (tmp_path / "a.rc").write_text(
        "# of two files\nservice surfaceflinger /system/bin/surfaceflinger\n    class core\n"
        "    onrestart class_restart main\n    onrestart restart --only-if-running apexd\n"
    )
    (answer,) = read(str(tmp_path / "a.rc")).to(Question.FOLLOWS)
    assert answer.sentence == "When surfaceflinger dies, init restarts every service of class main with it."
    assert answer.details == (
        "class main is restarted whole: other files may declare its services",
        "apexd only if it runs",
    )
    assert [place.line for place in answer.places] == [2, 4, 5]


def test_a_trace_of_the_rust_driver() -> None:
    hops = value("trace-rust.txt", Kind.TRACE)
    assert isinstance(hops, Hops)
    (hop,) = hops
    assert (hop.sender.thread, hop.receiver.process, round((hop.latency or 0) * 1e6)) == (390, 383, 30)


def test_a_reply_that_service_call_printed() -> None:
    reply = value("reply.txt", Kind.REPLY)
    assert isinstance(reply, Reply)
    assert reply.text == "000000000000000"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'Result: Parcel(Error: 0xffffffffffffffb6 "Not a data message")',
            "the call ended in status UNKNOWN_TRANSACTION (-74, Not a data message), without a reply: the "
            "called object does not "
            "know the transaction's code.",
        ),
        (
            'Result: Parcel(Error: 0x80000002 "Unknown error")',
            "the call ended in status FAILED_TRANSACTION (",
        ),
        (
            "Result: Parcel(\n  0x00000000: ffffffff 00000001 0000004e 00000000 '........N.......')",
            "the called method threw EX_SECURITY: N: the service refused its caller",
        ),
        (
            "service: Service foo does not exist",
            "service: Service foo does not exist: the service manager has",
        ),
    ],
)
def test_a_call_that_failed_is_among_the_answers(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "reply").write_text(f"{text}\n")
    inspection = read(str(tmp_path / "reply"))
    assert not inspection.unknown_count
    (answer,) = inspection.to(Question.ERROR)
    assert answer.sentence.startswith(sentence)
    assert [place.line for place in answer.places] == [1]


def test_a_kernel_log() -> None:
    messages = cast(tuple[KernelMessage, ...], value("kernel.txt", Kind.KERNEL_LOG))
    assert [message.line for message in messages] == [1, 3, 4, 6, 7, 8]
    found = sentences("kernel.txt", Question.ERROR)
    for sentence, part in zip(
        found,
        (
            "nobody is the context manager of this binder device",
            "sent 66,168 bytes to process 1871 and received BR_FAILED_REPLY (ENOSPC)",
            "12 buffers take up 1,037,152 (the largest 1,031,824); 3,232 are free, 3,200 of them",
            "BR_FROZEN_REPLY: the object's process is frozen",
            "BR_FAILED_REPLY (EOPNOTSUPP): the receiver requests its callers' security contexts",
            "1,056,768 bytes are more than a process on libbinder maps (1,040,384): they never fit",
        ),
        strict=True,
    ):
        assert part in sentence
    details = [answer.details[0] for answer in inspected("kernel.txt").to(Question.ERROR)]
    assert details[1].startswith("at fault: process 1871: the receiver")
    assert details[5] == "at fault: the sender: no receiver on libbinder can take so much"


def test_a_kernel_without_a_security_module() -> None:
    left_out, refused = sentences("eopnotsupp.txt", Question.ERROR)
    assert "5,081 of them" in left_out
    assert "the kernel has no security module that gives any" in refused


def test_a_bug_report_names_who_holds_up_whom() -> None:
    inspection = inspected("bugreport.txt")
    assert inspection.reports == 1
    kinds = [section.kind for section in inspection.sections if section.kind != Kind.PROCESSES]
    assert kinds == [Kind.STATS, Kind.STATE, Kind.BROADCASTS, Kind.ERRORS]
    (answer,) = inspection.to(Question.WAITS)
    assert answer.sentence.startswith("sensors@2.1-service (3800) thread 3800 holds up 1 thread: it handles")
    assert answer.details == (
        "system_server (1200) thread 1245 “Binder:1200_4” waits for sensors@2.1-service (3800) thread 3800: "
        "transaction 183, code 4",
    )
    assert [place.line for place in answer.places] == [36]
    (error,) = inspection.to(Question.ERROR)
    assert "521,984 bytes are more than a one-way call may have (520,192)" in error.sentence
    assert inspection.names.processes[7714] == "org.example.mail"


def test_the_line_of_what_was_not_understood(tmp_path: Path) -> None:
    text = (INPUTS / "deadlock.txt").read_text().replace("proc 200\n", "proc 200\n  strange 5\n")
    (tmp_path / "state").write_text(text)
    ((place, line),) = read(str(tmp_path / "state")).unknown
    assert (place.line, line) == (11, "  strange 5")


def test_a_deadlock_is_named_with_those_behind_it() -> None:
    (answer,) = inspected("deadlock.txt").to(Question.WAITS)
    assert isinstance(answer.value, Deadlock)
    assert [wait.thread for wait in answer.value.waits] == [(200, 201), (300, 301)]
    assert [wait.thread for wait in answer.value.behind] == [(102, 102), (103, 103)]
    assert answer.sentence.startswith(
        "DEADLOCK of 2 threads: process 200 thread 201 → process 300 thread 301 →"
    )
    assert [place.line for place in answer.places] == [13, 5, 20, 24]


def read_text(folder: Path, text: str) -> Inspection:
    (folder / "pasted").write_text(text)
    return read(str(folder / "pasted"))


@pytest.mark.parametrize(
    "text",
    [
        "> binder: 270:275 transaction failed 29189/-22, size\n> 0-0 line 3146\n",
        "[ 12.345678] binder: 270:275 transaction failed 29189/-22, si\nze 0-0 line 3146\n",
    ],
)
def test_a_message_of_the_driver_that_a_mail_or_a_terminal_broke(text: str, tmp_path: Path) -> None:
    inspection = read_text(tmp_path, text)
    assert not inspection.unknown_count
    (answer,) = inspection.to(Question.ERROR)
    assert "process 270 sent 0 bytes and received BR_DEAD_REPLY (EINVAL)" in answer.sentence
    assert [place.line for place in answer.places] == [1]
    assert [each.meaning for each in explain(text)] == [cast(Explanation, answer.value).meaning]
    assert [each.line for each in parse_kernel_log(text)] == [1]


def test_an_answer_of_a_trace_names_the_lines_of_its_transaction(tmp_path: Path) -> None:
    event = "   a-90 ( 90) [003] ...1.  2161.4234{}: binder_transaction{}"
    sent = "transaction={} dest_node=33 dest_proc=91 dest_thread=0 reply=0 flags=0x10 code=0x3"
    text = "\n".join(
        (
            "# tracer: nop",
            "#",
            event.format("51", f": {sent.format(7)}"),
            "   a-90 ( 90) [003] d..2.  2161.423452: sched_switch: prev_comm=a",
            event.format("53", f": {sent.format(8)}"),
            event.format("60", "_received: transaction=8").replace("a-90 ( 90)", "b-91 ( 91)"),
        )
    )
    inspection = read_text(tmp_path, text)
    (section,) = inspection.of(Kind.TRACE)
    assert (section.place.line, section.last_line) == (1, 6)
    (answer,) = inspection.to(Question.SLOWEST)
    assert [place.line for place in answer.places] == [5, 6]


def test_the_prompts_and_stacks_around_what_is_pasted_are_passed_over(tmp_path: Path) -> None:
    text = (
        "$ adb devices\n* daemon not running; starting now at tcp:5037\n"
        "* daemon started successfully\nList of devices attached\nabc\tdevice\n"
        "android.os.DeadObjectException\n\tat android.os.BinderProxy.transactNative(Native Method)\n"
        "Caused by: android.os.RemoteException: Remote stack trace:\n\t... 12 more\n"
    )
    assert not read_text(tmp_path, text).unknown_count


def test_a_file_without_idle_threads_does_not_show_that_there_are_none(tmp_path: Path) -> None:
    text = (
        "binder transactions:\nproc 1567\n  pending async transaction 98100: 0000000000000000 from 900:0 to "
        "1567:0 code 3 flags 11 pri 0:120 r0 node 44 size 80:0 offset 10\n"
    )
    (answer,) = read_text(tmp_path, text).to(Question.THREADS)
    assert answer.sentence == "1 transaction waits for process 1567, no thread of which has taken any."
    (answer,) = read_text(tmp_path, text.replace("transactions:", "state:", 1)).to(Question.THREADS)
    assert answer.sentence == "1 transaction waits for process 1567, which has no looper."


def test_a_stack_without_its_process_names_its_thread(tmp_path: Path) -> None:
    text = (
        '"Binder:1567_5" prio=5 tid=30 Native\n  | group="main" sCount=1 dsCount=0 flags=1 obj=0x12c03a10\n'
        "  | sysTid=2345 nice=-2 cgrp=default sched=0/0 handle=0x7b\n"
        "  native: #00 pc 00000000000c8a1c  /apex/com.android.runtime/lib64/bionic/libc.so (__ioctl+12)\n"
        "  at android.os.BinderProxy.transactNative(Native method)\n  - waiting on <0x0a> (a "
        "java.lang.Object)\n"
    )
    inspection = read_text(tmp_path, text)
    assert inspection.names.threads == {2345: "Binder:1567_5"}
    assert not inspection.unknown_count


def test_an_empty_reply_is_no_damage(tmp_path: Path) -> None:
    (section,) = read_text(tmp_path, "Result: Parcel(NULL)\n").of(Kind.REPLY)
    assert described(section.kind, section.value).startswith("an empty reply: the method returns nothing")


def test_a_log_names_processes_that_nothing_else_names(tmp_path: Path) -> None:
    log = (
        "01-04 10:00:00.000 900 901 I ActivityManager: Start proc 100:old.name.of.another/u0a1 for service "
        "x\n"
        "01-04 10:01:00.000 900 901 I ActivityManager: Start proc 100:new/u0a2 for service x\n"
        "E AndroidRuntime: Process: a.crash, PID: 200\n"
        "F DEBUG : pid: 300, tid: 301, name: binder:300_2  >>> /vendor/bin/hw/x <<<\n"
    )
    inspection = read_text(tmp_path, f"{log}USER PID PPID VSZ RSS WCHAN ADDR S NAME\nu0 200 1 1 1 0 0 S b\n")
    assert inspection.names.processes == {100: "new", 200: "b", 300: "/vendor/bin/hw/x"}
    assert not inspection.unknown_count
    reported = read_text(
        tmp_path, f"== dumpstate: 2024-01-01 00:00:00\n------ SYSTEM LOG (logcat) ------\n{log}"
    )
    assert reported.names.processes == {100: "new", 200: "a.crash", 300: "/vendor/bin/hw/x"}
